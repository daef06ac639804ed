-- Restores the earlier texts.
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

create or replace function chatschema.set_conversation_id_from_message() returns trigger
    language plpgsql
as $$
begin
    if new.conversation_id is null and new.message_id is not null then
        select m.conversation_id into new.conversation_id from public.messages as m where m.id = new.message_id;
        if not found then
            raise exception 'message % does not exist', new.message_id
                using errcode = 'foreign_key_violation', table = tg_table_name, schema = tg_table_schema,
                hint = 'It may have left with its month, by retention.';
        end if;
    end if;
    return new;
end
$$;

create or replace function chatschema.keep_message_identity() returns trigger
    language plpgsql
as $$
begin
    raise exception 'message % keeps its id and its conversation', old.id
        using errcode = 'check_violation', hint = 'Delete it and send another.';
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
    raise exception 'hold % can only be released, once', old.id
        using errcode = 'insufficient_privilege', hint = 'Release it and add another: chatschema hold release, chatschema hold add.';
end
$$;

do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['function chatschema.uuid7_time(uuid)', 'The moment a UUIDv7 was made, in whole milliseconds; null for any other version.'],
        ['function chatschema.set_created_at_from_id()', 'Trigger: created_at is the time in the id, so both orders agree; refuses two that name different days.'],
        ['function chatschema.require_message()', 'Trigger: the message that a row refers to is there, in the same conversation. The argument names the column.'],
        ['function chatschema.keep_message_identity()', 'Trigger: replies, statuses and attachments refer to the id within the conversation, so neither changes.'],
        ['function chatschema.set_conversation_id_from_message()', 'Trigger: fills conversation_id from the message when the client leaves it out.'],
        ['function chatschema.audit_pii_digest(bytea, inet, text, jsonb)', 'What stands in for the personal data of an audit row in proofs, so that the data can be erased and the proof remains.'],
        ['function chatschema.stamp_audit_log()', 'Trigger: sets what the writer must not choose: when and by whom it was recorded, and the digest.'],
        ['function chatschema.refuse_hold_change()', 'Trigger: a hold is placed and released; nothing else ever happens to its row.'],
        ['function chatschema.record_erasure()', 'Trigger: a user marked erased is erased from months that come back, too.'],
        ['table public.users', 'Who can talk; one row a person, kept after erasure as a pseudonym.'],
        ['column public.users.created_at', 'When the account was made.'],
        ['column public.users.updated_at', 'Last change, kept by a trigger.'],
        ['constraint users_pkey on public.users', 'One row a user.'],
        ['trigger users_set_updated_at on public.users', 'Keeps updated_at.'],
        ['table public.auth_sessions', 'Refresh tokens handed out, one row a token, one family a login.'],
        ['column public.auth_sessions.user_id', 'Whose token.'],
        ['column public.auth_sessions.user_agent', 'What asked for the token. Personal data.'],
        ['column public.auth_sessions.rotated_at', 'When a child replaced it; a later use is theft or a retry.'],
        ['column public.auth_sessions.revoked_at', 'When it stopped being valid before its time.'],
        ['column public.auth_sessions.expires_at', 'End of its validity; purge after it.'],
        ['column public.auth_sessions.updated_at', 'Last change, kept by a trigger.'],
        ['constraint auth_sessions_pkey on public.auth_sessions', 'One row a token.'],
        ['constraint auth_sessions_parent_id_key on public.auth_sessions', 'A token has one child: two refreshes racing cannot both win.'],
        ['constraint auth_sessions_user_id_fkey on public.auth_sessions', 'Tokens go with their user.'],
        ['constraint auth_sessions_parent_id_fkey on public.auth_sessions', 'The chain of a family; purging an old token only cuts it.'],
        ['constraint auth_sessions_user_agent_length_check on public.auth_sessions', 'At most 2048 characters: a login is not refused for a talkative browser.'],
        ['constraint auth_sessions_revoked_reason_check on public.auth_sessions', 'A revoked token says why, with a known reason.'],
        ['index public.auth_sessions_family_id_live_key', 'One live token a family; also finds the token to revoke.'],
        ['index public.idx_auth_sessions_user_id', 'My devices, newest first; deleting a user.'],
        ['trigger auth_sessions_set_updated_at on public.auth_sessions', 'Keeps updated_at.'],
        ['table public.user_public_keys', 'The public half of every key a user encrypts with; rotated, never changed.'],
        ['column public.user_public_keys.user_id', 'Whose key.'],
        ['column public.user_public_keys.algorithm', 'What the key is for, for example x25519 or ed25519.'],
        ['column public.user_public_keys.updated_at', 'Last change, kept by a trigger.'],
        ['constraint user_public_keys_pkey on public.user_public_keys', 'One row a key.'],
        ['constraint user_public_keys_key_id_key on public.user_public_keys', 'A key''s name is used once a user, device and type.'],
        ['constraint user_public_keys_user_id_fkey on public.user_public_keys', 'Keys go with their user.'],
        ['constraint user_public_keys_status_time_check on public.user_public_keys', 'A superseded or revoked key says when.'],
        ['trigger user_public_keys_set_updated_at on public.user_public_keys', 'Keeps updated_at.'],
        ['table public.conversations', 'Where messages are said: direct (two people) or group.'],
        ['column public.conversations.created_by', 'Who started it; null once that user is gone.'],
        ['column public.conversations.retention_days', 'Messages older than this are deleted; null is the default of the installation.'],
        ['column public.conversations.is_archived', 'Read only, out of the way.'],
        ['column public.conversations.deleted_at', 'When it was closed for good; its messages leave by retention.'],
        ['column public.conversations.updated_at', 'Last change, kept by a trigger.'],
        ['constraint conversations_pkey on public.conversations', 'One row a conversation.'],
        ['constraint conversations_direct_pair_key on public.conversations', 'One direct conversation a pair of users.'],
        ['constraint conversations_created_by_fkey on public.conversations', 'A conversation outlives its founder.'],
        ['constraint conversations_retention_days_check on public.conversations', 'At least a day.'],
        ['trigger conversations_set_updated_at on public.conversations', 'Keeps updated_at.'],
        ['table public.conversation_participants', 'Who takes part in what, with which role and which wrapped key.'],
        ['column public.conversation_participants.conversation_id', 'In which conversation.'],
        ['column public.conversation_participants.user_id', 'Who.'],
        ['column public.conversation_participants.public_key_id', 'For which public key it is wrapped.'],
        ['column public.conversation_participants.last_read_message_id', 'Newest message read; unread are the ids after it. No foreign key: months leave by retention.'],
        ['column public.conversation_participants.is_pinned', 'Kept on top of the user''s list.'],
        ['column public.conversation_participants.created_at', 'When the row was made.'],
        ['column public.conversation_participants.updated_at', 'Last change, kept by a trigger.'],
        ['constraint conversation_participants_pkey on public.conversation_participants', 'A user takes part once.'],
        ['constraint conversation_participants_public_key_id_fkey on public.conversation_participants', 'Deleting a key leaves the membership.'],
        ['constraint conversation_participants_encrypted_key_check on public.conversation_participants', 'A wrapped key says how and which version; at most 8 kB.'],
        ['constraint conversation_participants_left_at_check on public.conversation_participants', 'Nobody leaves before joining; a minute covers the clocks of application and server.'],
        ['index public.idx_conversation_participants_user_id', 'My conversations; deleting a user.'],
        ['index public.idx_conversation_participants_public_key_id', 'What to wrap anew when a key is rotated; deleting a key.'],
        ['trigger conversation_participants_set_updated_at on public.conversation_participants', 'Keeps updated_at.'],
        ['table public.messages', 'What was said, as ciphertext; partitioned by month on the id, a UUIDv7.'],
        ['column public.messages.id', 'UUIDv7: decides the month it is stored in; page with id < $cursor order by id desc. Made by a client it is the idempotency key.'],
        ['column public.messages.conversation_id', 'Where it was said.'],
        ['column public.messages.sender_id', 'Who said it; null for a system message.'],
        ['column public.messages.reply_to_id', 'The message answered, in the same conversation; null once that is deleted, kept while its month is away.'],
        ['column public.messages.is_deleted', 'Deleted for everybody; the row stays so that replies keep their place.'],
        ['column public.messages.expires_at', 'Disappears after this; null is never.'],
        ['column public.messages.created_at', 'When it was said, in whole milliseconds: the time in the id.'],
        ['column public.messages.updated_at', 'Last change, kept by a trigger.'],
        ['constraint messages_pkey on public.messages', 'One row a message, over all months.'],
        ['constraint messages_sender_id_fkey on public.messages', 'Users are erased by pseudonym, not deleted while their messages stand.'],
        ['constraint messages_sender_check on public.messages', 'Only the system speaks without a sender.'],
        ['constraint messages_edit_check on public.messages', 'An edited message says when.'],
        ['constraint messages_is_deleted_check on public.messages', 'A deleted message says when.'],
        ['index public.idx_messages_conversation_created_at', 'Newest of a conversation: where conversation_id = $1 order by created_at desc limit 50, deleted or not.'],
        ['index public.idx_messages_reply_to_id', 'Answers to a message; deleting a message.'],
        ['trigger messages_set_created_at_from_id on public.messages', 'Keeps created_at equal to the time in the id.'],
        ['trigger messages_set_updated_at on public.messages', 'Keeps updated_at.'],
        ['trigger messages_require_reply on public.messages', 'A reply answers a message of its own conversation.'],
        ['trigger messages_require_changed_reply on public.messages', 'A reply answers a message of its own conversation, also when changed.'],
        ['table public.message_statuses', 'What became of a message at each reader: delivered, read, reactions; months as in messages.'],
        ['column public.message_statuses.message_id', 'Which message; its UUIDv7 decides the month.'],
        ['column public.message_statuses.user_id', 'Which reader.'],
        ['column public.message_statuses.conversation_id', 'The message''s conversation; filled by a trigger when left out.'],
        ['column public.message_statuses.status', 'sent, failed, delivered or read; never falls back.'],
        ['column public.message_statuses.created_at', 'When the first report came.'],
        ['column public.message_statuses.updated_at', 'Last change, kept by a trigger.'],
        ['constraint message_statuses_pkey on public.message_statuses', 'One row a message and reader: the target of the upsert.'],
        ['constraint message_statuses_status_time_check on public.message_statuses', 'A state says when; read implies delivered.'],
        ['index public.idx_message_statuses_user_status_time', 'What a user has in a state, by time; deleting a user.'],
        ['table public.attachments', 'Where a message''s file is stored; the file itself is elsewhere.'],
        ['column public.attachments.message_id', 'The message it belongs to; null before sending and after the message is gone.'],
        ['column public.attachments.conversation_id', 'The message''s conversation; filled by a trigger when left out.'],
        ['column public.attachments.uploader_id', 'Who uploaded it.'],
        ['column public.attachments.mime_type', 'Type of the content, as the client says.'],
        ['column public.attachments.updated_at', 'Last change, kept by a trigger.'],
        ['constraint attachments_pkey on public.attachments', 'One row a file.'],
        ['constraint attachments_message_id_key on public.attachments', 'At most one attachment a message.'],
        ['constraint attachments_storage_key on public.attachments', 'One row a stored object, so collecting it is safe.'],
        ['constraint attachments_encryption_check on public.attachments', 'Ciphertext names its cipher.'],
        ['index public.idx_attachments_unattached_created_at', 'Uploads never sent and files whose message is gone, for the collector.'],
        ['trigger attachments_set_conversation_id on public.attachments', 'Fills conversation_id.'],
        ['trigger attachments_require_message on public.attachments', 'The message is there, in the conversation named.'],
        ['trigger attachments_require_changed_message on public.attachments', 'The message is there, in the conversation named, also when changed.'],
        ['trigger attachments_set_updated_at on public.attachments', 'Keeps updated_at.'],
        ['column public.audit_logs.user_id', 'Who did it; null for nobody known. No foreign key: the trail outlives the user.'],
        ['column public.audit_logs.action', 'What was done, for example message.delete.'],
        ['column public.audit_logs.resource_type', 'To what kind of thing.'],
        ['column public.audit_logs.resource_id', 'To which one, as the application names it; any text.'],
        ['column public.audit_logs.details', 'What changed. Personal data.'],
        ['column public.audit_logs.ip_address', 'From where. Personal data.'],
        ['column public.audit_logs.user_agent', 'With what. Personal data.'],
        ['column public.audit_logs.session_id', 'In which session.'],
        ['column public.audit_logs.request_id', 'In which request, for joining with the application''s log.'],
        ['column public.audit_logs.created_at', 'When it was done, as the writer says.'],
        ['constraint audit_logs_pkey on public.audit_logs', 'One row an event.'],
        ['index public.idx_audit_logs_user_id_created_at', 'What a user did, by time.'],
        ['index public.idx_audit_logs_resource_created_at', 'What happened to a thing, by time.'],
        ['index public.idx_audit_logs_created_at', 'A span of time, over a table that grows in its order.'],
        ['trigger audit_logs_stamp on public.audit_logs', 'Sets what the writer must not choose.']
    ] loop
        begin
            execute format('comment on %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column or undefined_object or undefined_function then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
