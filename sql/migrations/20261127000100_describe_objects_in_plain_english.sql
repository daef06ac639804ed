-- comments: descriptions of tables, columns and functions in plain English.
-- Why: psql, pg_dump and the documentation show these texts, and the migrations of the first release cannot be edited.
-- Risk: changes only comments and messages; locks each table against other changes of its structure, not against readers and writers.
create or replace function chatschema.require_message() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wanted uuid;
begin
    if tg_argv[0] = 'reply_to_id' then
        wanted := new.reply_to_id;
    else
        wanted := new.message_id;
    end if;
    -- The lock of a foreign key: a delete of the message waits, and then finds this row.
    perform from public.messages as m where m.id = wanted and m.conversation_id = new.conversation_id for key share;
    if not found then
        raise exception 'message % is not in conversation %', wanted, new.conversation_id
            using errcode = 'foreign_key_violation', schema = tg_table_schema, table = tg_table_name, column = tg_argv[0],
            hint = 'It may have been deleted, or retired with its month.';
    end if;
    return null;
end
$$;

create or replace function chatschema.set_conversation_id_from_message() returns trigger
    language plpgsql
as $$
begin
    if new.conversation_id is null and new.message_id is not null then
        select m.conversation_id into new.conversation_id from public.messages as m where m.id = new.message_id;
        if not found then
            raise exception 'message % does not exist', new.message_id
                using errcode = 'foreign_key_violation', table = tg_table_name, schema = tg_table_schema,
                hint = 'It may have been deleted, or retired with its month.';
        end if;
    end if;
    return new;
end
$$;

create or replace function chatschema.keep_message_identity() returns trigger
    language plpgsql
as $$
begin
    raise exception 'the id and the conversation of message % cannot be changed', old.id
        using errcode = 'check_violation', hint = 'Delete the message and send a new one.';
end
$$;

create or replace function chatschema.refuse_hold_change() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'UPDATE' and old.released_at is null and new.released_at is not null
        and (to_jsonb(new) - array['released_by', 'released_at', 'release_reason'])
            = (to_jsonb(old) - array['released_by', 'released_at', 'release_reason'])
    then
        return new;
    end if;
    raise exception 'hold % can only be released, and only once', old.id
        using errcode = 'insufficient_privilege', hint = 'Release it and add a new one: chatschema hold release, chatschema hold add.';
end
$$;

comment on function chatschema.uuid7_time(uuid) is 'The moment at which a UUIDv7 was created, in whole milliseconds; null for any other version.';
comment on function chatschema.set_created_at_from_id() is
    'Trigger: sets created_at to the time in the id, so that both orders agree. Refuses a created_at of another day.';
comment on function chatschema.require_message() is
    'Trigger: requires that the message of a row exists, in the same conversation. The argument names the column.';
comment on function chatschema.keep_message_identity() is
    'Trigger: replies, statuses and attachments refer to a message by id and conversation, so neither can be changed.';
comment on function chatschema.set_conversation_id_from_message() is
    'Trigger: sets conversation_id to that of the message if the client leaves it out.';
comment on function chatschema.audit_pii_digest(bytea, inet, text, jsonb) is
    'Digest of the personal data of an audit row: it remains as proof when the data is erased.';
comment on function chatschema.stamp_audit_log() is
    'Trigger: sets the columns that the writer must not choose: time and role of recording, and the digest.';
comment on function chatschema.refuse_hold_change() is 'Trigger: a hold can only be released, once; its row is not changed otherwise and never deleted.';
comment on function chatschema.record_erasure() is 'Trigger: records an erased user, so that the user is also erased from restored months.';

comment on table public.users is 'Users of the chat, one row per person, kept after erasure as a pseudonym.';
comment on column public.users.avatar_url is 'Address of the picture. Personal data.';
comment on column public.users.created_at is 'When the account was created.';
comment on column public.users.updated_at is 'Last change, set by a trigger.';
comment on constraint users_pkey on public.users is 'One row per user.';
comment on trigger users_set_updated_at on public.users is 'Sets updated_at.';

comment on table public.auth_sessions is 'Refresh tokens: one row per token, one family per login.';
comment on column public.auth_sessions.user_id is 'Owner of the token.';
comment on column public.auth_sessions.user_agent is 'Client that requested the token. Personal data.';
comment on column public.auth_sessions.rotated_at is 'When the next token replaced it; a later use is theft or a retry.';
comment on column public.auth_sessions.revoked_at is 'When it was revoked, before its expiry.';
comment on column public.auth_sessions.expires_at is 'Until when it is valid; expired tokens are purged.';
comment on column public.auth_sessions.updated_at is 'Last change, set by a trigger.';
comment on constraint auth_sessions_pkey on public.auth_sessions is 'One row per token.';
comment on constraint auth_sessions_parent_id_key on public.auth_sessions is 'A token is replaced once: of two refreshes at the same time only one succeeds.';
comment on constraint auth_sessions_user_id_fkey on public.auth_sessions is 'Tokens are deleted with their user.';
comment on constraint auth_sessions_parent_id_fkey on public.auth_sessions is 'The chain of a family; purging an old token only cuts the chain.';
comment on constraint auth_sessions_user_agent_length_check on public.auth_sessions is 'At most 2048 characters.';
comment on constraint auth_sessions_revoked_reason_check on public.auth_sessions is 'A revoked token has one of the known reasons.';
comment on index public.auth_sessions_family_id_live_key is 'One live token per family; also finds the token to revoke.';
comment on index public.idx_auth_sessions_user_id is 'Devices of a user, newest first; deleting a user.';
comment on trigger auth_sessions_set_updated_at on public.auth_sessions is 'Sets updated_at.';

comment on table public.user_public_keys is 'Public keys of users; a key is replaced by a new row and never changed.';
comment on column public.user_public_keys.user_id is 'Owner of the key.';
comment on column public.user_public_keys.algorithm is 'Algorithm of the key, for example x25519 or ed25519.';
comment on column public.user_public_keys.updated_at is 'Last change, set by a trigger.';
comment on constraint user_public_keys_pkey on public.user_public_keys is 'One row per key.';
comment on constraint user_public_keys_key_id_key on public.user_public_keys is 'The name of a key is unique for each user, device and type.';
comment on constraint user_public_keys_user_id_fkey on public.user_public_keys is 'Keys are deleted with their user.';
comment on constraint user_public_keys_status_time_check on public.user_public_keys is 'A superseded or revoked key has the time of it.';
comment on trigger user_public_keys_set_updated_at on public.user_public_keys is 'Sets updated_at.';

comment on table public.conversations is 'Conversations: direct (two people) or group.';
comment on column public.conversations.created_by is 'User who started it; null after that user is deleted.';
comment on column public.conversations.retention_days is 'Older messages are deleted; null means the default of the installation.';
comment on column public.conversations.is_archived is 'Whether it is read-only and hidden from the list.';
comment on column public.conversations.deleted_at is 'When it was closed for good; retention deletes its messages.';
comment on column public.conversations.updated_at is 'Last change, set by a trigger.';
comment on constraint conversations_pkey on public.conversations is 'One row per conversation.';
comment on constraint conversations_direct_pair_key on public.conversations is 'One direct conversation per pair of users.';
comment on constraint conversations_created_by_fkey on public.conversations is 'A conversation is kept when its creator is deleted.';
comment on constraint conversations_retention_days_check on public.conversations is 'At least one day.';
comment on trigger conversations_set_updated_at on public.conversations is 'Sets updated_at.';

comment on table public.conversation_participants is 'Participants of conversations, with their role and wrapped key.';
comment on column public.conversation_participants.conversation_id is 'The conversation.';
comment on column public.conversation_participants.user_id is 'The participant.';
comment on column public.conversation_participants.public_key_id is 'Public key with which the key is wrapped.';
comment on column public.conversation_participants.last_read_message_id is 'Newest message read; later ids are unread. No foreign key: months are retired.';
comment on column public.conversation_participants.is_pinned is 'Whether it is at the top of the user''s list.';
comment on column public.conversation_participants.created_at is 'When the row was created.';
comment on column public.conversation_participants.updated_at is 'Last change, set by a trigger.';
comment on constraint conversation_participants_pkey on public.conversation_participants is 'One row per conversation and user.';
comment on constraint conversation_participants_public_key_id_fkey on public.conversation_participants is 'Membership is kept when a key is deleted.';
comment on constraint conversation_participants_encrypted_key_check on public.conversation_participants is 'A wrapped key has its algorithm and version; at most 8 kB.';
comment on constraint conversation_participants_left_at_check on public.conversation_participants is 'Nobody leaves before joining; one minute allows for clocks that differ.';
comment on index public.idx_conversation_participants_user_id is 'Conversations of a user; deleting a user.';
comment on index public.idx_conversation_participants_public_key_id is 'Keys to wrap again when a public key is rotated; deleting a key.';
comment on trigger conversation_participants_set_updated_at on public.conversation_participants is 'Sets updated_at.';

comment on table public.messages is 'Messages as ciphertext, partitioned by month on the id, a UUIDv7.';
comment on column public.messages.id is 'UUIDv7, which determines the month. Page with id < $cursor order by id desc. If the client creates it, it is the idempotency key.';
comment on column public.messages.conversation_id is 'Conversation of the message.';
comment on column public.messages.sender_id is 'Sender; null for a system message.';
comment on column public.messages.reply_to_id is 'Message that this one replies to, in the same conversation; null after that is deleted, kept while its month is detached or dropped.';
comment on column public.messages.is_deleted is 'Whether it is deleted for everybody; the row is kept so that replies keep their place.';
comment on column public.messages.expires_at is 'The message is deleted after this; null means never.';
comment on column public.messages.created_at is 'When it was sent, in whole milliseconds: the time in the id.';
comment on column public.messages.updated_at is 'Last change, set by a trigger.';
comment on constraint messages_pkey on public.messages is 'One row per message, across all months.';
comment on constraint messages_sender_id_fkey on public.messages is 'Users are erased by pseudonym, not deleted while their messages exist.';
comment on constraint messages_sender_check on public.messages is 'Only a system message has no sender.';
comment on constraint messages_edit_check on public.messages is 'An edited message has the time of its last edit.';
comment on constraint messages_is_deleted_check on public.messages is 'A deleted message has the time of its deletion.';
comment on index public.idx_messages_conversation_created_at is 'Newest messages of a conversation: where conversation_id = $1 order by created_at desc limit 50, deleted or not.';
comment on index public.idx_messages_reply_to_id is 'Replies to a message; deleting a message.';
comment on trigger messages_set_created_at_from_id on public.messages is 'Sets created_at to the time in the id.';
comment on trigger messages_set_updated_at on public.messages is 'Sets updated_at.';
comment on trigger messages_require_reply on public.messages is 'A reply refers to a message of its own conversation.';
comment on trigger messages_require_changed_reply on public.messages is 'A reply refers to a message of its own conversation, also when it is changed.';

comment on table public.message_statuses is 'Status of each message for each reader: delivered, read, reactions. Partitioned as messages.';
comment on column public.message_statuses.message_id is 'The message; its UUIDv7 determines the month.';
comment on column public.message_statuses.user_id is 'The reader.';
comment on column public.message_statuses.conversation_id is 'Conversation of the message; set by a trigger if left out.';
comment on column public.message_statuses.status is 'sent, failed, delivered or read; never lowered.';
comment on column public.message_statuses.created_at is 'When the first report arrived.';
comment on column public.message_statuses.updated_at is 'Last change, set by a trigger.';
comment on constraint message_statuses_pkey on public.message_statuses is 'One row per message and reader: the target of the upsert.';
comment on constraint message_statuses_status_time_check on public.message_statuses is 'A status has its time; read implies delivered.';
comment on index public.idx_message_statuses_user_status_time is 'Messages of a user in one status, by time; deleting a user.';

comment on table public.attachments is 'Files of messages: where each file is stored. The files are outside of the database.';
comment on column public.attachments.message_id is 'Message of the file; null before it is sent and after it is deleted.';
comment on column public.attachments.conversation_id is 'Conversation of the message; set by a trigger if left out.';
comment on column public.attachments.uploader_id is 'User who uploaded it.';
comment on column public.attachments.mime_type is 'Type of the content, as reported by the client.';
comment on column public.attachments.updated_at is 'Last change, set by a trigger.';
comment on constraint attachments_pkey on public.attachments is 'One row per file.';
comment on constraint attachments_message_id_key on public.attachments is 'At most one attachment per message.';
comment on constraint attachments_storage_key on public.attachments is 'One row per stored object, so that it can be deleted safely.';
comment on constraint attachments_encryption_check on public.attachments is 'An encrypted file has its cipher.';
comment on index public.idx_attachments_unattached_created_at is 'Uploads that were never sent, and files of deleted messages, for the collector.';
comment on trigger attachments_set_conversation_id on public.attachments is 'Sets conversation_id.';
comment on trigger attachments_require_message on public.attachments is 'The message exists, in the conversation of the row.';
comment on trigger attachments_require_changed_message on public.attachments is 'The message exists, in the conversation of the row, also when it is changed.';
comment on trigger attachments_set_updated_at on public.attachments is 'Sets updated_at.';

comment on column public.audit_logs.user_id is 'User who acted; null if unknown. No foreign key: the trail outlives the user.';
comment on column public.audit_logs.action is 'The action, for example message.delete.';
comment on column public.audit_logs.resource_type is 'Type of the resource.';
comment on column public.audit_logs.resource_id is 'Id of the resource, as the application names it; any text.';
comment on column public.audit_logs.details is 'Details of the change. Personal data.';
comment on column public.audit_logs.ip_address is 'Address of the client. Personal data.';
comment on column public.audit_logs.user_agent is 'Client software. Personal data.';
comment on column public.audit_logs.session_id is 'The session.';
comment on column public.audit_logs.request_id is 'The request, for joining with the log of the application.';
comment on column public.audit_logs.created_at is 'When it happened, as reported by the writer.';
comment on constraint audit_logs_pkey on public.audit_logs is 'One row per event.';
comment on index public.idx_audit_logs_user_id_created_at is 'Actions of a user, by time.';
comment on index public.idx_audit_logs_resource_created_at is 'Events of a resource, by time.';
comment on index public.idx_audit_logs_created_at is 'Events in a period; BRIN, because rows are added in the order of time.';
comment on trigger audit_logs_stamp on public.audit_logs is 'Sets the columns that the writer must not choose.';
