-- policies: who may read and write rows on shards, by the settings of chatschema.enter().
-- Why: on a shard a policy can ask no table. The settings are a weaker claim: whoever runs any SQL can set them.

create policy conversations_entered_select on public.conversations for select using (
    id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    or created_by = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy conversations_founder_insert on public.conversations for insert with check (
    created_by = nullif(current_setting('app.user_id', true), '')::uuid and deleted_at is null
);
create policy conversations_admin_update on public.conversations for update using (
    type <> 'direct' and id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and current_setting('app.entered_role', true) = 'admin'
);
create policy conversation_participants_entered_select on public.conversation_participants for select using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    or user_id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy conversation_participants_admin_insert on public.conversation_participants for insert with check (
    left_at is null and conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and current_setting('app.entered_role', true) in ('admin', 'founder')
);
create policy conversation_participants_entered_update on public.conversation_participants for update using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and (
        user_id = nullif(current_setting('app.user_id', true), '')::uuid and left_at is null
        or current_setting('app.entered_role', true) in ('moderator', 'admin')
    )
);
create policy messages_entered_select on public.messages for select using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and (
        created_at >= nullif(current_setting('app.entered_since', true), '')::timestamptz
        or sender_id = nullif(current_setting('app.user_id', true), '')::uuid
    )
);
create policy messages_sender_insert on public.messages for insert with check (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and sender_id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy messages_sender_update on public.messages for update using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and (
        sender_id = nullif(current_setting('app.user_id', true), '')::uuid
        or current_setting('app.entered_role', true) in ('moderator', 'admin')
            and created_at >= nullif(current_setting('app.entered_since', true), '')::timestamptz
    )
);
create policy message_statuses_entered_select on public.message_statuses for select using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and (
        message_id >= chatschema.uuid7_floor(nullif(current_setting('app.entered_since', true), '')::timestamptz)
        or user_id = nullif(current_setting('app.user_id', true), '')::uuid
    )
);
create policy message_statuses_reader_insert on public.message_statuses for insert with check (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and user_id = nullif(current_setting('app.user_id', true), '')::uuid
    and message_id >= chatschema.uuid7_floor(nullif(current_setting('app.entered_since', true), '')::timestamptz)
);
create policy message_statuses_reader_update on public.message_statuses for update using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and user_id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy attachments_entered_select on public.attachments for select using (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and (
        message_id >= chatschema.uuid7_floor(nullif(current_setting('app.entered_since', true), '')::timestamptz)
        or uploader_id = nullif(current_setting('app.user_id', true), '')::uuid
    )
);
create policy attachments_uploader_insert on public.attachments for insert with check (
    conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and uploader_id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy attachments_uploader_update on public.attachments for update using (
    state in ('pending', 'ready') and conversation_id = nullif(current_setting('app.entered_conversation', true), '')::uuid
    and uploader_id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy user_conversations_own_select on chatschema.user_conversations for select using (
    user_id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy users_self_select on public.users for select using (
    id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy users_self_update on public.users for update using (
    id = nullif(current_setting('app.user_id', true), '')::uuid
);
create policy user_public_keys_self_select on public.user_public_keys for select using (
    user_id = nullif(current_setting('app.user_id', true), '')::uuid
    or status = 'active' and key_type <> 'one_time_prekey' and current_setting('app.user_id', true) <> ''
);
create policy user_public_keys_self_insert on public.user_public_keys for insert with check (
    user_id = nullif(current_setting('app.user_id', true), '')::uuid and status = 'active'
);
create policy user_public_keys_self_update on public.user_public_keys for update using (
    user_id = nullif(current_setting('app.user_id', true), '')::uuid
);
