-- messages: row level security for messages: the own conversations, from joining on.
-- Why: a message is for those who take part; who joins later does not read the past, and nobody speaks as another user.
-- Risk: locks messages and all months until the commit. From then on a role that does not own the table sees no row without app.user_id.
create policy messages_member_select on public.messages for select using (
    -- Checked once a statement, where the application names the conversation of its page in app.conversation_id.
    conversation_id = (
        select v.conversation_id from chatschema.memberships as v
        where v.conversation_id = nullif(current_setting('app.conversation_id', true), '')::uuid
    )
    and created_at >= (
        select v.since from chatschema.memberships as v
        where v.conversation_id = nullif(current_setting('app.conversation_id', true), '')::uuid
    )
    -- Not null instead of true or false: the planner takes a boolean for true in one row of three, and then reads whole conversations.
    or (
        select true from chatschema.memberships as v
        where v.conversation_id = messages.conversation_id
            and (messages.created_at >= v.since or messages.sender_id = v.user_id)
    ) is not null
);
create policy messages_sender_insert on public.messages for insert with check (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = messages.conversation_id and messages.sender_id = v.user_id
    ) is not null
);
create policy messages_sender_update on public.messages for update using (
    (
        select true from chatschema.memberships as v
        where v.conversation_id = messages.conversation_id
            and (
                messages.sender_id = v.user_id
                or v.role in ('moderator', 'admin') and messages.created_at >= v.since
            )
    ) is not null
);
alter table public.messages enable row level security;
comment on policy messages_member_select on public.messages is
    'Participants read messages from their joining on, and their own.';
comment on policy messages_sender_insert on public.messages is 'A participant sends as the acting user.';
comment on policy messages_sender_update on public.messages is
    'A sender edits the own messages, a moderator or admin deletes others; a trigger decides which columns.';

create function chatschema.guard_message() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    actor constant uuid := chatschema.actor();
    content constant text[] := '{content_encrypted,content_nonce,edit_history,updated_at}';
    of_a_tombstone constant text[] := '{is_deleted,deleted_at,deleted_by}';
    -- The content is taken away, or was gone before.
    is_erased constant boolean :=
        new.content_encrypted is null and new.content_nonce is null and jsonb_array_length(new.edit_history) = 0;
    refusal text;
begin
    if old.is_deleted then
        if to_jsonb(new) - content <> to_jsonb(old) - content
            or not is_erased and to_jsonb(new) - 'updated_at' <> to_jsonb(old) - 'updated_at'
        then
            refusal := 'it is deleted, which is final';
        end if;
    elsif new.sender_id is distinct from old.sender_id then
        refusal := 'its sender stays';
    elsif new.deleted_by <> actor then
        refusal := 'only the acting user deletes it';
    elsif old.sender_id is distinct from actor and (
        not new.is_deleted or not is_erased or new.deleted_by is null
        or to_jsonb(new) - content - of_a_tombstone <> to_jsonb(old) - content - of_a_tombstone
    ) then
        refusal := 'it is of another user, and can only be deleted as a whole';
    end if;
    if refusal is not null then
        raise exception 'message % cannot be changed like this: %', old.id, refusal
            using errcode = 'insufficient_privilege', schema = 'public', table = 'messages',
            hint = 'To delete it, set is_deleted, deleted_at and deleted_by, content_encrypted and content_nonce to null, edit_history to [].';
    end if;
    return new;
end
$$;
comment on function chatschema.guard_message() is
    'Trigger: of a message of another user only a tombstone can be made, without its content; a tombstone is final.';
revoke all on function chatschema.guard_message() from public;

-- The parent, not tg_relid: of a partition row_security_active() is always false.
create trigger messages_guard_update before update on public.messages
    for each row when (row_security_active('public.messages'::regclass)) execute function chatschema.guard_message();
comment on trigger messages_guard_update on public.messages is 'Where row policies apply, nobody edits the words of another.';
