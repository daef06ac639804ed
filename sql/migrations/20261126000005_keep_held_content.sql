-- messages: what is under a hold keeps its content, its file and its reactions.
-- Why: retention asks the holds before it removes anything; the application does not, so the database does.
-- Risk: new triggers; wait for writers of the three tables for the moment of the commit.
lock table public.messages, public.message_statuses, public.attachments in share row exclusive mode;

create function chatschema.keep_held_content() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    if not chatschema.has_active_hold() or not chatschema.is_held(old.conversation_id, old.sender_id, old.id) then
        return new;
    end if;
    if new.sender_id is not distinct from old.sender_id and new.is_deleted then
        -- A tombstone: nobody notices the hold. What it was to remove is removed when the hold is released.
        insert into chatschema.deferred_erasures (message_id, origin) values (old.id, 'tombstone') on conflict do nothing;
        new.content_encrypted := old.content_encrypted;
        new.content_nonce := old.content_nonce;
        new.content_algorithm := old.content_algorithm;
        new.key_version := old.key_version;
        new.sender_key_id := old.sender_key_id;
        new.edit_history := old.edit_history;
        return new;
    end if;
    -- An edit whose history has what was there before loses nothing; the history holds bytes as base64 or hex.
    if new.sender_id is not distinct from old.sender_id and new.edit_history @> old.edit_history and (
        new.content_encrypted is not distinct from old.content_encrypted
            and new.content_nonce is not distinct from old.content_nonce
            and new.content_algorithm is not distinct from old.content_algorithm
            and new.key_version is not distinct from old.key_version
        or old.content_encrypted is null
        or strpos(new.edit_history::text, translate(encode(old.content_encrypted, 'base64'), e'\n', '')) > 0
        or strpos(new.edit_history::text, encode(old.content_encrypted, 'hex')) > 0
    ) then
        return new;
    end if;
    raise exception 'message % is under a hold: its content, edit history and sender stay', old.id
        using errcode = 'integrity_constraint_violation', schema = 'public', table = 'messages',
        hint = 'Append the previous content to edit_history, in base64, in the same update.';
end
$$;
comment on function chatschema.keep_held_content() is
    'Trigger: a tombstone of a held message keeps the content until the release; an edit must keep the previous content in edit_history.';

create function chatschema.keep_held_reactions() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    if chatschema.has_active_hold() and exists (
        select from public.messages as m
        where m.id = old.message_id and chatschema.is_held(m.conversation_id, m.sender_id, m.id)
    ) then
        raise exception 'message % is under a hold: its reactions stay', old.message_id
            using errcode = 'integrity_constraint_violation', schema = 'public', table = 'message_statuses', column = 'reactions',
            hint = 'Reactions may be added.';
    end if;
    return new;
end
$$;
comment on function chatschema.keep_held_reactions() is 'Trigger: reactions to a held message may be added, not taken away.';

create function chatschema.keep_held_file() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    sender uuid := old.uploader_id;
begin
    if chatschema.has_active_hold() then
        select m.sender_id into sender from public.messages as m where m.id = old.message_id;
        -- The message of a dropped month is gone: its attachment is released unless the hold kept it, which retire looks after.
        if (found or tg_op = 'DELETE') and chatschema.is_held(old.conversation_id, coalesce(sender, old.uploader_id), old.message_id) then
            raise exception 'attachment % belongs to a message under a hold: it stays as it is', old.id
                using errcode = 'integrity_constraint_violation', schema = 'public', table = 'attachments',
                hint = 'See the holds: chatschema hold list.';
        end if;
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
comment on function chatschema.keep_held_file() is
    'Trigger: the pointer to the file of a held message is neither deleted nor changed.';

-- With EXECUTE anybody could attach a security definer function to a table of their own and write as the owner.
revoke execute on function chatschema.keep_held_content(), chatschema.keep_held_reactions(), chatschema.keep_held_file() from public;

create trigger messages_keep_held_content
    before update of content_encrypted, content_nonce, content_algorithm, key_version, sender_key_id, edit_history, sender_id
    on public.messages
    for each row when (
        new.content_encrypted is distinct from old.content_encrypted or new.content_nonce is distinct from old.content_nonce
        or new.content_algorithm is distinct from old.content_algorithm or new.key_version is distinct from old.key_version
        or new.sender_key_id is distinct from old.sender_key_id or new.edit_history is distinct from old.edit_history
        or new.sender_id is distinct from old.sender_id
    )
    execute function chatschema.keep_held_content();
create trigger message_statuses_keep_held_reactions before update of reactions on public.message_statuses
    for each row when (not new.reactions @> old.reactions) execute function chatschema.keep_held_reactions();
create trigger attachments_keep_held_file before delete on public.attachments
    for each row when (old.message_id is not null) execute function chatschema.keep_held_file();
create trigger attachments_keep_changed_held_file
    before update of message_id, conversation_id, storage_provider, storage_key, file_name_encrypted, size_bytes, sha256,
        is_encrypted, encryption_algorithm, encryption_nonce, key_version, state, purged_at
    on public.attachments
    for each row when (
        old.message_id is not null and (
            new.message_id is distinct from old.message_id or new.conversation_id <> old.conversation_id
            or new.storage_provider <> old.storage_provider or new.storage_key <> old.storage_key
            or new.file_name_encrypted is distinct from old.file_name_encrypted or new.size_bytes <> old.size_bytes
            or new.sha256 <> old.sha256 or new.is_encrypted <> old.is_encrypted
            or new.encryption_algorithm is distinct from old.encryption_algorithm
            or new.encryption_nonce is distinct from old.encryption_nonce or new.key_version is distinct from old.key_version
            or new.state = 'deleted' and old.state <> 'deleted' or new.purged_at is distinct from old.purged_at
        )
    )
    execute function chatschema.keep_held_file();
create trigger attachments_refuse_truncate_of_held before truncate on public.attachments
    for each statement execute function chatschema.refuse_truncate_of_held();

comment on trigger messages_keep_held_content on public.messages is
    'Content, edit history and sender of a held message stay. Runs only for updates that change one of them.';
comment on trigger message_statuses_keep_held_reactions on public.message_statuses is
    'Reactions to a held message stay. Runs only for updates that take one away.';
comment on trigger attachments_keep_held_file on public.attachments is 'The file of a held message is not deleted.';
comment on trigger attachments_keep_changed_held_file on public.attachments is 'The file of a held message is not changed or unlinked.';
comment on trigger attachments_refuse_truncate_of_held on public.attachments is 'No truncate while a hold is active.';
