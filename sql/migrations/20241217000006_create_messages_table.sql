-- messages: what was said, as ciphertext; partitioned by month on the id, a UUIDv7.
-- Why: retention removes whole months, and a look-up by id, a reply and an upsert still need no second column.
-- Risk: new table; adds foreign keys to conversations and users, which block writes to them for the moment of the commit.
create table public.messages (
    id                  uuid        not null default chatschema.uuid7(),
    conversation_id     uuid        not null,
    sender_id           uuid,
    content_encrypted   bytea,
    content_nonce       bytea,
    content_algorithm   text,
    key_version         integer,
    sender_key_id       uuid,
    message_type        text        not null default 'text',
    reply_to_id         uuid,
    edited_at           timestamptz,
    edit_count          integer     not null default 0,
    edit_history        jsonb       not null default '[]',
    is_deleted          boolean     not null default false,
    deleted_at          timestamptz,
    deleted_by          uuid,
    expires_at          timestamptz,
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now(),
    constraint messages_pkey primary key (id),
    constraint messages_conversation_id_id_key unique (conversation_id, id),
    constraint messages_conversation_id_fkey
        foreign key (conversation_id) references public.conversations (id) on delete restrict,
    constraint messages_sender_id_fkey foreign key (sender_id) references public.users (id) on delete restrict,
    constraint messages_message_type_check
        check (message_type in ('text', 'image', 'file', 'audio', 'video', 'system')),
    constraint messages_sender_check check (sender_id is not null or message_type = 'system'),
    constraint messages_content_present_check
        check (content_encrypted is not null or is_deleted or message_type = 'system'),
    constraint messages_content_size_check check (octet_length(content_encrypted) <= 65536),
    constraint messages_content_nonce_check check (octet_length(content_nonce) between 8 and 32),
    constraint messages_key_version_check check (key_version > 0),
    constraint messages_edit_check check ((edit_count > 0) = (edited_at is not null) and edit_count >= 0),
    constraint messages_edit_history_check
        check (jsonb_typeof(edit_history) = 'array' and jsonb_array_length(edit_history) <= 50),
    constraint messages_is_deleted_check check (is_deleted = (deleted_at is not null))
) partition by range (id);

-- Ciphertext does not compress; not trying saves the time.
alter table public.messages alter column content_encrypted set storage external;

create index idx_messages_conversation_created_at on public.messages (conversation_id, created_at);
create index idx_messages_sender_id on public.messages (sender_id, id);
create index idx_messages_reply_to_id on public.messages (reply_to_id) where reply_to_id is not null;
create index idx_messages_expires_at on public.messages (expires_at) where expires_at is not null;

create function chatschema.set_created_at_from_id() returns trigger
    language plpgsql
as $$
declare
    id_time constant timestamptz := chatschema.uuid7_time(new.id);
begin
    if id_time is null then
        raise exception 'message id % is not a UUIDv7', new.id
            using errcode = 'check_violation', hint = 'Leave the id out, or make it with chatschema.uuid7().';
    end if;
    -- A day covers clocks that disagree; more is an import that forgot to date its ids. An id of another time with a
    -- created_at of now is one whose created_at was left out: a message written offline, or an import that trusts its ids.
    if new.created_at < id_time - interval '24 hours'
        or new.created_at > id_time + interval '24 hours' and new.created_at < now() - interval '24 hours'
    then
        raise exception 'message % says created_at %, but its id is of %', new.id, new.created_at, id_time
            using errcode = 'check_violation', hint = 'Make the id of the same moment: chatschema.uuid7(created_at).';
    end if;
    new.created_at := id_time;
    return new;
end
$$;
comment on function chatschema.set_created_at_from_id() is
    'Trigger: created_at is the time in the id, so both orders agree; refuses two that name different days.';

-- A foreign key to messages would be checked whenever a month leaves: all that could refer to it is read while nobody may
-- write. These triggers keep the same promise, row by row, and let a month leave and come back with its references.
create function chatschema.require_message() returns trigger
    language plpgsql security definer set search_path = ''
as $$
declare
    wanted uuid;
begin
    if tg_argv[0] = 'reply_to_id' then
        wanted := new.reply_to_id;
    else
        wanted := new.message_id;
    end if;
    -- The lock a foreign key would take: whoever deletes the message waits, and then finds this row.
    perform from public.messages as m where m.id = wanted and m.conversation_id = new.conversation_id for key share;
    if not found then
        raise exception 'message % is not in conversation %', wanted, new.conversation_id
            using errcode = 'foreign_key_violation', schema = tg_table_schema, table = tg_table_name, column = tg_argv[0],
            hint = 'It may have left with its month, by retention.';
    end if;
    return null;
end
$$;
comment on function chatschema.require_message() is
    'Trigger: the message that a row refers to is there, in the same conversation. The argument names the column.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.require_message() from public;

create function chatschema.keep_message_identity() returns trigger
    language plpgsql
as $$
begin
    raise exception 'message % keeps its id and its conversation', old.id
        using errcode = 'check_violation', hint = 'Delete it and send another.';
end
$$;
comment on function chatschema.keep_message_identity() is
    'Trigger: replies, statuses and attachments refer to the id within the conversation, so neither changes.';

create function chatschema.unlink_replies() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    update public.messages as m set reply_to_id = null where m.reply_to_id = old.id;
    return null;
end
$$;
comment on function chatschema.unlink_replies() is
    'Trigger: an answer outlives the deleted message. One that left with its month keeps its answers: it may come back.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.unlink_replies() from public;

create trigger messages_set_created_at_from_id before insert or update of id, created_at on public.messages
    for each row execute function chatschema.set_created_at_from_id();
create trigger messages_set_updated_at before update on public.messages
    for each row execute function chatschema.set_updated_at();
create trigger messages_keep_identity before update of id, conversation_id on public.messages
    for each row when (new.id <> old.id or new.conversation_id <> old.conversation_id)
    execute function chatschema.keep_message_identity();
create trigger messages_require_reply after insert on public.messages
    for each row when (new.reply_to_id is not null) execute function chatschema.require_message('reply_to_id');
create trigger messages_require_changed_reply after update of reply_to_id on public.messages
    for each row when (new.reply_to_id is not null and new.reply_to_id is distinct from old.reply_to_id)
    execute function chatschema.require_message('reply_to_id');
create trigger messages_unlink_replies after delete on public.messages
    for each row execute function chatschema.unlink_replies();

comment on table public.messages is 'What was said, as ciphertext; partitioned by month on the id, a UUIDv7.';
comment on column public.messages.id is 'UUIDv7: decides the month it is stored in; page with id < $cursor order by id desc. Made by a client it is the idempotency key.';
comment on column public.messages.conversation_id is 'Where it was said.';
comment on column public.messages.sender_id is 'Who said it; null for a system message.';
comment on column public.messages.content_encrypted is 'Ciphertext, at most 64 kB; null once deleted. The server cannot read it.';
comment on column public.messages.content_nonce is 'Nonce of the cipher, where it is not part of the ciphertext.';
comment on column public.messages.content_algorithm is 'The cipher, for example xsalsa20-poly1305.';
comment on column public.messages.key_version is 'Version of the conversation key it is encrypted with.';
comment on column public.messages.sender_key_id is 'Public key of the sender in use. No foreign key: keys may be deleted.';
comment on column public.messages.message_type is 'text, image, file, audio, video or system.';
comment on column public.messages.reply_to_id is 'The message answered, in the same conversation; null once that is deleted, kept while its month is away.';
comment on column public.messages.edited_at is 'Last edit.';
comment on column public.messages.edit_count is 'How often it was edited.';
comment on column public.messages.edit_history is 'Earlier ciphertexts, oldest first, at most 50; emptied by erasure.';
comment on column public.messages.is_deleted is 'Deleted for everybody; the row stays so that replies keep their place.';
comment on column public.messages.deleted_at is 'When it was deleted.';
comment on column public.messages.deleted_by is 'Who deleted it: the sender or a moderator. No foreign key: users are never deleted while they take part.';
comment on column public.messages.expires_at is 'Disappears after this; null is never.';
comment on column public.messages.created_at is 'When it was said, in whole milliseconds: the time in the id.';
comment on column public.messages.updated_at is 'Last change, kept by a trigger.';
comment on constraint messages_pkey on public.messages is 'One row a message, over all months.';
comment on constraint messages_conversation_id_id_key on public.messages is 'The key that replies, statuses and attachments refer to.';
comment on constraint messages_conversation_id_fkey on public.messages is 'A conversation is emptied in batches before it is deleted.';
comment on constraint messages_sender_id_fkey on public.messages is 'Users are erased by pseudonym, not deleted while their messages stand.';
comment on constraint messages_message_type_check on public.messages is 'The kinds of message.';
comment on constraint messages_sender_check on public.messages is 'Only the system speaks without a sender.';
comment on constraint messages_content_present_check on public.messages is 'A message has content until it is deleted.';
comment on constraint messages_content_size_check on public.messages is 'At most 64 kB; larger things are attachments.';
comment on constraint messages_content_nonce_check on public.messages is '8 to 32 bytes: what the known ciphers take.';
comment on constraint messages_key_version_check on public.messages is 'From 1.';
comment on constraint messages_edit_check on public.messages is 'An edited message says when.';
comment on constraint messages_edit_history_check on public.messages is 'A JSON array of at most 50 entries.';
comment on constraint messages_is_deleted_check on public.messages is 'A deleted message says when.';
comment on index public.messages_pkey is 'Look-up by id: where id = $1 touches one month.';
comment on index public.messages_conversation_id_id_key is 'Paging and unread: where conversation_id = $1 and id < $2 order by id desc limit 50.';
comment on index public.idx_messages_conversation_created_at is 'Newest of a conversation: where conversation_id = $1 order by created_at desc limit 50, deleted or not.';
comment on index public.idx_messages_sender_id is 'Export and erasure of a user''s messages; deleting a user.';
comment on index public.idx_messages_reply_to_id is 'Answers to a message; deleting a message.';
comment on index public.idx_messages_expires_at is 'The purge of disappearing messages.';
comment on trigger messages_set_created_at_from_id on public.messages is 'Keeps created_at equal to the time in the id.';
comment on trigger messages_set_updated_at on public.messages is 'Keeps updated_at.';
comment on trigger messages_keep_identity on public.messages is 'Refuses a change of id or conversation_id.';
comment on trigger messages_require_reply on public.messages is 'A reply answers a message of its own conversation.';
comment on trigger messages_require_changed_reply on public.messages is 'A reply answers a message of its own conversation, also when changed.';
comment on trigger messages_unlink_replies on public.messages is 'A reply outlives what it answers.';
