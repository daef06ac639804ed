-- messages: like attachments, refused from anybody who does not take part in the conversation at that time, whoever writes the row.
-- Why: row policies hold for the application only. A worker, a script or the owner could store a message of a stranger.
-- Risk: new triggers; waits for writers of both tables and of conversation_participants, and blocks them for the moment of the
-- commit. Existing rows are not checked: docs/how-to/find-strangers.md has the query.
create function chatschema.require_sender() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.sender_id is null then
        return null;
    end if;
    -- The time in the id, so that history can be imported. The lock makes whoever leaves wait for the message, or the message for
    -- them; joined_at is not compared, as it is that of the last joining.
    perform from public.conversation_participants as p
    where p.conversation_id = new.conversation_id and p.user_id = new.sender_id and (p.left_at is null or p.left_at > new.created_at)
    for key share;
    if not found then
        raise exception 'the sender of message % does not take part in conversation %', new.id, new.conversation_id
            using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'messages', column = 'sender_id',
            hint = 'Add the participant first. A message from before a participant left has an id of that time.';
    end if;
    return null;
end
$$;
comment on function chatschema.require_sender() is
    'Trigger: the sender takes part in the conversation at the time of the message: has a row there, and had not left by then.';
revoke all on function chatschema.require_sender() from public;

create function chatschema.require_uploader() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.conversation_participants as p
    where p.conversation_id = new.conversation_id and p.user_id = new.uploader_id and (p.left_at is null or p.left_at > new.created_at)
    for key share;
    if not found then
        raise exception 'the uploader of attachment % does not take part in conversation %', new.id, new.conversation_id
            using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'attachments',
            column = 'uploader_id', hint = 'Add the participant first.';
    end if;
    return null;
end
$$;
comment on function chatschema.require_uploader() is
    'Trigger: the uploader takes part in the conversation when the upload begins: has a row there, and had not left by then.';
revoke all on function chatschema.require_uploader() from public;

create function chatschema.lock_leaver() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- The lock of a delete: it waits for messages that are being sent, and with an older snapshot the next one fails with 40001.
    perform from public.conversation_participants as p
    where p.conversation_id = old.conversation_id and p.user_id = old.user_id for update;
    return new;
end
$$;
comment on function chatschema.lock_leaver() is
    'Trigger: whoever leaves waits for their own open messages, and no message follows, at every isolation level.';
revoke all on function chatschema.lock_leaver() from public;

create trigger conversation_participants_lock_leaver before update of left_at on public.conversation_participants
    for each row when (old.left_at is null and new.left_at is not null)
    execute function chatschema.lock_leaver();
create trigger messages_require_sender after insert on public.messages
    for each row execute function chatschema.require_sender();
create trigger messages_require_changed_sender after update of sender_id on public.messages
    for each row when (new.sender_id is distinct from old.sender_id)
    execute function chatschema.require_sender();
create trigger attachments_require_uploader after insert on public.attachments
    for each row execute function chatschema.require_uploader();
create trigger attachments_require_changed_uploader after update of uploader_id, conversation_id on public.attachments
    for each row when (new.uploader_id <> old.uploader_id or new.conversation_id <> old.conversation_id)
    execute function chatschema.require_uploader();
comment on trigger conversation_participants_lock_leaver on public.conversation_participants is
    'Leaving and sending happen one after the other.';
comment on trigger messages_require_sender on public.messages is 'The sender takes part in the conversation.';
comment on trigger messages_require_changed_sender on public.messages is 'The sender takes part in the conversation, also when it is changed.';
comment on trigger attachments_require_uploader on public.attachments is 'The uploader takes part in the conversation.';
comment on trigger attachments_require_changed_uploader on public.attachments is
    'The uploader takes part in the conversation, also when one of both is changed.';
