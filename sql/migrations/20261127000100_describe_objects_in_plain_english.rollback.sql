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

comment on function chatschema.uuid7_time(uuid) is 'The moment a UUIDv7 was made, in whole milliseconds; null for any other version.';
comment on function chatschema.set_created_at_from_id() is 'Trigger: created_at is the time in the id, so both orders agree; refuses two that name different days.';
comment on function chatschema.require_message() is 'Trigger: the message that a row refers to is there, in the same conversation. The argument names the column.';
comment on function chatschema.keep_message_identity() is 'Trigger: replies, statuses and attachments refer to the id within the conversation, so neither changes.';
comment on function chatschema.set_conversation_id_from_message() is 'Trigger: fills conversation_id from the message when the client leaves it out.';
comment on function chatschema.audit_pii_digest(bytea, inet, text, jsonb) is 'What stands in for the personal data of an audit row in proofs, so that the data can be erased and the proof remains.';
comment on function chatschema.stamp_audit_log() is 'Trigger: sets what the writer must not choose: when and by whom it was recorded, and the digest.';
comment on function chatschema.refuse_hold_change() is 'Trigger: a hold is placed and released; nothing else ever happens to its row.';
comment on function chatschema.record_erasure() is 'Trigger: a user marked erased is erased from months that come back, too.';
comment on table public.users is 'Who can talk; one row a person, kept after erasure as a pseudonym.';
comment on column public.users.avatar_url is 'Where the picture is. Personal data.';
comment on column public.users.created_at is 'When the account was made.';
comment on column public.users.updated_at is 'Last change, kept by a trigger.';
comment on constraint users_pkey on public.users is 'One row a user.';
comment on trigger users_set_updated_at on public.users is 'Keeps updated_at.';
comment on table public.auth_sessions is 'Refresh tokens handed out, one row a token, one family a login.';
comment on column public.auth_sessions.user_id is 'Whose token.';
comment on column public.auth_sessions.user_agent is 'What asked for the token. Personal data.';
comment on column public.auth_sessions.rotated_at is 'When a child replaced it; a later use is theft or a retry.';
comment on column public.auth_sessions.revoked_at is 'When it stopped being valid before its time.';
comment on column public.auth_sessions.expires_at is 'End of its validity; purge after it.';
comment on column public.auth_sessions.updated_at is 'Last change, kept by a trigger.';
comment on constraint auth_sessions_pkey on public.auth_sessions is 'One row a token.';
comment on constraint auth_sessions_parent_id_key on public.auth_sessions is 'A token has one child: two refreshes racing cannot both win.';
comment on constraint auth_sessions_user_id_fkey on public.auth_sessions is 'Tokens go with their user.';
comment on constraint auth_sessions_parent_id_fkey on public.auth_sessions is 'The chain of a family; purging an old token only cuts it.';
comment on constraint auth_sessions_user_agent_length_check on public.auth_sessions is 'At most 2048 characters: a login is not refused for a talkative browser.';
comment on constraint auth_sessions_revoked_reason_check on public.auth_sessions is 'A revoked token says why, with a known reason.';
comment on index public.auth_sessions_family_id_live_key is 'One live token a family; also finds the token to revoke.';
comment on index public.idx_auth_sessions_user_id is 'My devices, newest first; deleting a user.';
comment on trigger auth_sessions_set_updated_at on public.auth_sessions is 'Keeps updated_at.';
comment on table public.user_public_keys is 'The public half of every key a user encrypts with; rotated, never changed.';
comment on column public.user_public_keys.user_id is 'Whose key.';
comment on column public.user_public_keys.algorithm is 'What the key is for, for example x25519 or ed25519.';
comment on column public.user_public_keys.updated_at is 'Last change, kept by a trigger.';
comment on constraint user_public_keys_pkey on public.user_public_keys is 'One row a key.';
comment on constraint user_public_keys_key_id_key on public.user_public_keys is 'A key''s name is used once a user, device and type.';
comment on constraint user_public_keys_user_id_fkey on public.user_public_keys is 'Keys go with their user.';
comment on constraint user_public_keys_status_time_check on public.user_public_keys is 'A superseded or revoked key says when.';
comment on trigger user_public_keys_set_updated_at on public.user_public_keys is 'Keeps updated_at.';
comment on table public.conversations is 'Where messages are said: direct (two people) or group.';
comment on column public.conversations.created_by is 'Who started it; null once that user is gone.';
comment on column public.conversations.retention_days is 'Messages older than this are deleted; null is the default of the installation.';
comment on column public.conversations.is_archived is 'Read only, out of the way.';
comment on column public.conversations.deleted_at is 'When it was closed for good; its messages leave by retention.';
comment on column public.conversations.updated_at is 'Last change, kept by a trigger.';
comment on constraint conversations_pkey on public.conversations is 'One row a conversation.';
comment on constraint conversations_direct_pair_key on public.conversations is 'One direct conversation a pair of users.';
comment on constraint conversations_created_by_fkey on public.conversations is 'A conversation outlives its founder.';
comment on constraint conversations_retention_days_check on public.conversations is 'At least a day.';
comment on trigger conversations_set_updated_at on public.conversations is 'Keeps updated_at.';
comment on table public.conversation_participants is 'Who takes part in what, with which role and which wrapped key.';
comment on column public.conversation_participants.conversation_id is 'In which conversation.';
comment on column public.conversation_participants.user_id is 'Who.';
comment on column public.conversation_participants.public_key_id is 'For which public key it is wrapped.';
comment on column public.conversation_participants.last_read_message_id is 'Newest message read; unread are the ids after it. No foreign key: months leave by retention.';
comment on column public.conversation_participants.is_pinned is 'Kept on top of the user''s list.';
comment on column public.conversation_participants.created_at is 'When the row was made.';
comment on column public.conversation_participants.updated_at is 'Last change, kept by a trigger.';
comment on constraint conversation_participants_pkey on public.conversation_participants is 'A user takes part once.';
comment on constraint conversation_participants_public_key_id_fkey on public.conversation_participants is 'Deleting a key leaves the membership.';
comment on constraint conversation_participants_encrypted_key_check on public.conversation_participants is 'A wrapped key says how and which version; at most 8 kB.';
comment on constraint conversation_participants_left_at_check on public.conversation_participants is 'Nobody leaves before joining; a minute covers the clocks of application and server.';
comment on index public.idx_conversation_participants_user_id is 'My conversations; deleting a user.';
comment on index public.idx_conversation_participants_public_key_id is 'What to wrap anew when a key is rotated; deleting a key.';
comment on trigger conversation_participants_set_updated_at on public.conversation_participants is 'Keeps updated_at.';
comment on table public.messages is 'What was said, as ciphertext; partitioned by month on the id, a UUIDv7.';
comment on column public.messages.id is 'UUIDv7: decides the month it is stored in; page with id < $cursor order by id desc. Made by a client it is the idempotency key.';
comment on column public.messages.conversation_id is 'Where it was said.';
comment on column public.messages.sender_id is 'Who said it; null for a system message.';
comment on column public.messages.reply_to_id is 'The message answered, in the same conversation; null once that is deleted, kept while its month is away.';
comment on column public.messages.is_deleted is 'Deleted for everybody; the row stays so that replies keep their place.';
comment on column public.messages.expires_at is 'Disappears after this; null is never.';
comment on column public.messages.created_at is 'When it was said, in whole milliseconds: the time in the id.';
comment on column public.messages.updated_at is 'Last change, kept by a trigger.';
comment on constraint messages_pkey on public.messages is 'One row a message, over all months.';
comment on constraint messages_sender_id_fkey on public.messages is 'Users are erased by pseudonym, not deleted while their messages stand.';
comment on constraint messages_sender_check on public.messages is 'Only the system speaks without a sender.';
comment on constraint messages_edit_check on public.messages is 'An edited message says when.';
comment on constraint messages_is_deleted_check on public.messages is 'A deleted message says when.';
comment on index public.idx_messages_conversation_created_at is 'Newest of a conversation: where conversation_id = $1 order by created_at desc limit 50, deleted or not.';
comment on index public.idx_messages_reply_to_id is 'Answers to a message; deleting a message.';
comment on trigger messages_set_created_at_from_id on public.messages is 'Keeps created_at equal to the time in the id.';
comment on trigger messages_set_updated_at on public.messages is 'Keeps updated_at.';
comment on trigger messages_require_reply on public.messages is 'A reply answers a message of its own conversation.';
comment on trigger messages_require_changed_reply on public.messages is 'A reply answers a message of its own conversation, also when changed.';
comment on table public.message_statuses is 'What became of a message at each reader: delivered, read, reactions; months as in messages.';
comment on column public.message_statuses.message_id is 'Which message; its UUIDv7 decides the month.';
comment on column public.message_statuses.user_id is 'Which reader.';
comment on column public.message_statuses.conversation_id is 'The message''s conversation; filled by a trigger when left out.';
comment on column public.message_statuses.status is 'sent, failed, delivered or read; never falls back.';
comment on column public.message_statuses.created_at is 'When the first report came.';
comment on column public.message_statuses.updated_at is 'Last change, kept by a trigger.';
comment on constraint message_statuses_pkey on public.message_statuses is 'One row a message and reader: the target of the upsert.';
comment on constraint message_statuses_status_time_check on public.message_statuses is 'A state says when; read implies delivered.';
comment on index public.idx_message_statuses_user_status_time is 'What a user has in a state, by time; deleting a user.';
comment on table public.attachments is 'Where a message''s file is stored; the file itself is elsewhere.';
comment on column public.attachments.message_id is 'The message it belongs to; null before sending and after the message is gone.';
comment on column public.attachments.conversation_id is 'The message''s conversation; filled by a trigger when left out.';
comment on column public.attachments.uploader_id is 'Who uploaded it.';
comment on column public.attachments.mime_type is 'Type of the content, as the client says.';
comment on column public.attachments.updated_at is 'Last change, kept by a trigger.';
comment on constraint attachments_pkey on public.attachments is 'One row a file.';
comment on constraint attachments_message_id_key on public.attachments is 'At most one attachment a message.';
comment on constraint attachments_storage_key on public.attachments is 'One row a stored object, so collecting it is safe.';
comment on constraint attachments_encryption_check on public.attachments is 'Ciphertext names its cipher.';
comment on index public.idx_attachments_unattached_created_at is 'Uploads never sent and files whose message is gone, for the collector.';
comment on trigger attachments_set_conversation_id on public.attachments is 'Fills conversation_id.';
comment on trigger attachments_require_message on public.attachments is 'The message is there, in the conversation named.';
comment on trigger attachments_require_changed_message on public.attachments is 'The message is there, in the conversation named, also when changed.';
comment on trigger attachments_set_updated_at on public.attachments is 'Keeps updated_at.';
comment on column public.audit_logs.user_id is 'Who did it; null for nobody known. No foreign key: the trail outlives the user.';
comment on column public.audit_logs.action is 'What was done, for example message.delete.';
comment on column public.audit_logs.resource_type is 'To what kind of thing.';
comment on column public.audit_logs.resource_id is 'To which one, as the application names it; any text.';
comment on column public.audit_logs.details is 'What changed. Personal data.';
comment on column public.audit_logs.ip_address is 'From where. Personal data.';
comment on column public.audit_logs.user_agent is 'With what. Personal data.';
comment on column public.audit_logs.session_id is 'In which session.';
comment on column public.audit_logs.request_id is 'In which request, for joining with the application''s log.';
comment on column public.audit_logs.created_at is 'When it was done, as the writer says.';
comment on constraint audit_logs_pkey on public.audit_logs is 'One row an event.';
comment on index public.idx_audit_logs_user_id_created_at is 'What a user did, by time.';
comment on index public.idx_audit_logs_resource_created_at is 'What happened to a thing, by time.';
comment on index public.idx_audit_logs_created_at is 'A span of time, over a table that grows in its order.';
comment on trigger audit_logs_stamp on public.audit_logs is 'Sets what the writer must not choose.';
