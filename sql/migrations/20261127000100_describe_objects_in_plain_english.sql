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

-- An object that was dropped by hand is skipped: a description must not stop an upgrade.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['function chatschema.uuid7_time(uuid)', 'The moment at which a UUIDv7 was created, in whole milliseconds; null for any other version.'],
        ['function chatschema.set_created_at_from_id()', 'Trigger: sets created_at to the time in the id, so that both orders agree. Refuses a created_at of another day.'],
        ['function chatschema.require_message()', 'Trigger: requires that the message of a row exists, in the same conversation. The argument names the column.'],
        ['function chatschema.keep_message_identity()', 'Trigger: replies, statuses and attachments refer to a message by id and conversation, so neither can be changed.'],
        ['function chatschema.set_conversation_id_from_message()', 'Trigger: sets conversation_id to that of the message if the client leaves it out.'],
        ['function chatschema.audit_pii_digest(bytea, inet, text, jsonb)', 'Digest of the personal data of an audit row: it remains as proof when the data is erased.'],
        ['function chatschema.stamp_audit_log()', 'Trigger: sets the columns that the writer must not choose: time and role of recording, and the digest.'],
        ['function chatschema.refuse_hold_change()', 'Trigger: a hold can only be released, once; its row is not changed otherwise and never deleted.'],
        ['function chatschema.record_erasure()', 'Trigger: records an erased user, so that the user is also erased from restored months.'],
        ['table public.users', 'Users of the chat, one row per person, kept after erasure as a pseudonym.'],
        ['column public.users.created_at', 'When the account was created.'],
        ['column public.users.updated_at', 'Last change, set by a trigger.'],
        ['constraint users_pkey on public.users', 'One row per user.'],
        ['trigger users_set_updated_at on public.users', 'Sets updated_at.'],
        ['table public.auth_sessions', 'Refresh tokens: one row per token, one family per login.'],
        ['column public.auth_sessions.user_id', 'Owner of the token.'],
        ['column public.auth_sessions.user_agent', 'Client that requested the token. Personal data.'],
        ['column public.auth_sessions.rotated_at', 'When the next token replaced it; a later use is theft or a retry.'],
        ['column public.auth_sessions.revoked_at', 'When it was revoked, before its expiry.'],
        ['column public.auth_sessions.expires_at', 'Until when it is valid; expired tokens are purged.'],
        ['column public.auth_sessions.updated_at', 'Last change, set by a trigger.'],
        ['constraint auth_sessions_pkey on public.auth_sessions', 'One row per token.'],
        ['constraint auth_sessions_parent_id_key on public.auth_sessions', 'A token is replaced once: of two refreshes at the same time only one succeeds.'],
        ['constraint auth_sessions_user_id_fkey on public.auth_sessions', 'Tokens are deleted with their user.'],
        ['constraint auth_sessions_parent_id_fkey on public.auth_sessions', 'The chain of a family; purging an old token only cuts the chain.'],
        ['constraint auth_sessions_user_agent_length_check on public.auth_sessions', 'At most 2048 characters.'],
        ['constraint auth_sessions_revoked_reason_check on public.auth_sessions', 'A revoked token has one of the known reasons.'],
        ['index public.auth_sessions_family_id_live_key', 'One live token per family; also finds the token to revoke.'],
        ['index public.idx_auth_sessions_user_id', 'Devices of a user, newest first; deleting a user.'],
        ['trigger auth_sessions_set_updated_at on public.auth_sessions', 'Sets updated_at.'],
        ['table public.user_public_keys', 'Public keys of users; a key is replaced by a new row and never changed.'],
        ['column public.user_public_keys.user_id', 'Owner of the key.'],
        ['column public.user_public_keys.algorithm', 'Algorithm of the key, for example x25519 or ed25519.'],
        ['column public.user_public_keys.updated_at', 'Last change, set by a trigger.'],
        ['constraint user_public_keys_pkey on public.user_public_keys', 'One row per key.'],
        ['constraint user_public_keys_key_id_key on public.user_public_keys', 'The name of a key is unique for each user, device and type.'],
        ['constraint user_public_keys_user_id_fkey on public.user_public_keys', 'Keys are deleted with their user.'],
        ['constraint user_public_keys_status_time_check on public.user_public_keys', 'A superseded or revoked key has the time of it.'],
        ['trigger user_public_keys_set_updated_at on public.user_public_keys', 'Sets updated_at.'],
        ['table public.conversations', 'Conversations: direct (two people) or group.'],
        ['column public.conversations.created_by', 'User who started it; null after that user is deleted.'],
        ['column public.conversations.retention_days', 'Older messages are deleted; null means the default of the installation.'],
        ['column public.conversations.is_archived', 'Whether it is read-only and hidden from the list.'],
        ['column public.conversations.deleted_at', 'When it was closed for good; retention deletes its messages.'],
        ['column public.conversations.updated_at', 'Last change, set by a trigger.'],
        ['constraint conversations_pkey on public.conversations', 'One row per conversation.'],
        ['constraint conversations_direct_pair_key on public.conversations', 'One direct conversation per pair of users.'],
        ['constraint conversations_created_by_fkey on public.conversations', 'A conversation is kept when its creator is deleted.'],
        ['constraint conversations_retention_days_check on public.conversations', 'At least one day.'],
        ['trigger conversations_set_updated_at on public.conversations', 'Sets updated_at.'],
        ['table public.conversation_participants', 'Participants of conversations, with their role and wrapped key.'],
        ['column public.conversation_participants.conversation_id', 'The conversation.'],
        ['column public.conversation_participants.user_id', 'The participant.'],
        ['column public.conversation_participants.public_key_id', 'Public key with which the key is wrapped.'],
        ['column public.conversation_participants.last_read_message_id', 'Newest message read; later ids are unread. No foreign key: months are retired.'],
        ['column public.conversation_participants.is_pinned', 'Whether it is at the top of the user''s list.'],
        ['column public.conversation_participants.created_at', 'When the row was created.'],
        ['column public.conversation_participants.updated_at', 'Last change, set by a trigger.'],
        ['constraint conversation_participants_pkey on public.conversation_participants', 'One row per conversation and user.'],
        ['constraint conversation_participants_public_key_id_fkey on public.conversation_participants', 'Membership is kept when a key is deleted.'],
        ['constraint conversation_participants_encrypted_key_check on public.conversation_participants', 'A wrapped key has its algorithm and version; at most 8 kB.'],
        ['constraint conversation_participants_left_at_check on public.conversation_participants', 'Nobody leaves before joining; one minute allows for clocks that differ.'],
        ['index public.idx_conversation_participants_user_id', 'Conversations of a user; deleting a user.'],
        ['index public.idx_conversation_participants_public_key_id', 'Keys to wrap again when a public key is rotated; deleting a key.'],
        ['trigger conversation_participants_set_updated_at on public.conversation_participants', 'Sets updated_at.'],
        ['table public.messages', 'Messages as ciphertext, partitioned by month on the id, a UUIDv7.'],
        ['column public.messages.id', 'UUIDv7, which determines the month. Page with id < $cursor order by id desc. If the client creates it, it is the idempotency key.'],
        ['column public.messages.conversation_id', 'Conversation of the message.'],
        ['column public.messages.sender_id', 'Sender; null for a system message.'],
        ['column public.messages.reply_to_id', 'Message that this one replies to, in the same conversation; null after that is deleted, kept while its month is detached or dropped.'],
        ['column public.messages.is_deleted', 'Whether it is deleted for everybody; the row is kept so that replies keep their place.'],
        ['column public.messages.expires_at', 'The message is deleted after this; null means never.'],
        ['column public.messages.created_at', 'When it was sent, in whole milliseconds: the time in the id.'],
        ['column public.messages.updated_at', 'Last change, set by a trigger.'],
        ['constraint messages_pkey on public.messages', 'One row per message, across all months.'],
        ['constraint messages_sender_id_fkey on public.messages', 'Users are erased by pseudonym, not deleted while their messages exist.'],
        ['constraint messages_sender_check on public.messages', 'Only a system message has no sender.'],
        ['constraint messages_edit_check on public.messages', 'An edited message has the time of its last edit.'],
        ['constraint messages_is_deleted_check on public.messages', 'A deleted message has the time of its deletion.'],
        ['index public.idx_messages_conversation_created_at', 'Newest messages of a conversation: where conversation_id = $1 order by created_at desc limit 50, deleted or not.'],
        ['index public.idx_messages_reply_to_id', 'Replies to a message; deleting a message.'],
        ['trigger messages_set_created_at_from_id on public.messages', 'Sets created_at to the time in the id.'],
        ['trigger messages_set_updated_at on public.messages', 'Sets updated_at.'],
        ['trigger messages_require_reply on public.messages', 'A reply refers to a message of its own conversation.'],
        ['trigger messages_require_changed_reply on public.messages', 'A reply refers to a message of its own conversation, also when it is changed.'],
        ['table public.message_statuses', 'Status of each message for each reader: delivered, read, reactions. Partitioned as messages.'],
        ['column public.message_statuses.message_id', 'The message; its UUIDv7 determines the month.'],
        ['column public.message_statuses.user_id', 'The reader.'],
        ['column public.message_statuses.conversation_id', 'Conversation of the message; set by a trigger if left out.'],
        ['column public.message_statuses.status', 'sent, failed, delivered or read; never lowered.'],
        ['column public.message_statuses.created_at', 'When the first report arrived.'],
        ['column public.message_statuses.updated_at', 'Last change, set by a trigger.'],
        ['constraint message_statuses_pkey on public.message_statuses', 'One row per message and reader: the target of the upsert.'],
        ['constraint message_statuses_status_time_check on public.message_statuses', 'A status has its time; read implies delivered.'],
        ['index public.idx_message_statuses_user_status_time', 'Messages of a user in one status, by time; deleting a user.'],
        ['table public.attachments', 'Files of messages: where each file is stored. The files are outside of the database.'],
        ['column public.attachments.message_id', 'Message of the file; null before it is sent and after it is deleted.'],
        ['column public.attachments.conversation_id', 'Conversation of the message; set by a trigger if left out.'],
        ['column public.attachments.uploader_id', 'User who uploaded it.'],
        ['column public.attachments.mime_type', 'Type of the content, as reported by the client.'],
        ['column public.attachments.updated_at', 'Last change, set by a trigger.'],
        ['constraint attachments_pkey on public.attachments', 'One row per file.'],
        ['constraint attachments_message_id_key on public.attachments', 'At most one attachment per message.'],
        ['constraint attachments_storage_key on public.attachments', 'One row per stored object, so that it can be deleted safely.'],
        ['constraint attachments_encryption_check on public.attachments', 'An encrypted file has its cipher.'],
        ['index public.idx_attachments_unattached_created_at', 'Uploads that were never sent, and files of deleted messages, for the collector.'],
        ['trigger attachments_set_conversation_id on public.attachments', 'Sets conversation_id.'],
        ['trigger attachments_require_message on public.attachments', 'The message exists, in the conversation of the row.'],
        ['trigger attachments_require_changed_message on public.attachments', 'The message exists, in the conversation of the row, also when it is changed.'],
        ['trigger attachments_set_updated_at on public.attachments', 'Sets updated_at.'],
        ['column public.audit_logs.user_id', 'User who acted; null if unknown. No foreign key: the trail outlives the user.'],
        ['column public.audit_logs.action', 'The action, for example message.delete.'],
        ['column public.audit_logs.resource_type', 'Type of the resource.'],
        ['column public.audit_logs.resource_id', 'Id of the resource, as the application names it; any text.'],
        ['column public.audit_logs.details', 'Details of the change. Personal data.'],
        ['column public.audit_logs.ip_address', 'Address of the client. Personal data.'],
        ['column public.audit_logs.user_agent', 'Client software. Personal data.'],
        ['column public.audit_logs.session_id', 'The session.'],
        ['column public.audit_logs.request_id', 'The request, for joining with the log of the application.'],
        ['column public.audit_logs.created_at', 'When it happened, as reported by the writer.'],
        ['constraint audit_logs_pkey on public.audit_logs', 'One row per event.'],
        ['index public.idx_audit_logs_user_id_created_at', 'Actions of a user, by time.'],
        ['index public.idx_audit_logs_resource_created_at', 'Events of a resource, by time.'],
        ['index public.idx_audit_logs_created_at', 'Events in a period; BRIN, because rows are added in the order of time.'],
        ['trigger audit_logs_stamp on public.audit_logs', 'Sets the columns that the writer must not choose.']
    ] loop
        begin
            execute format('comment on %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column or undefined_object or undefined_function then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
