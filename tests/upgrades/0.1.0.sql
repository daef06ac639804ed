-- 0.1.0: a database as that release's migrate left it on PostgreSQL 15, without months: pg_dump --no-owner --inserts -T 'chat_partitions.*'.
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA chat_partitions;
COMMENT ON SCHEMA chat_partitions IS 'Monthly partitions of messages and message_statuses. Grant nobody USAGE: policies of a parent do not cover a direct read.';
CREATE SCHEMA chatschema;
COMMENT ON SCHEMA chatschema IS 'Functions of the chat schema and the ledger of the chatschema command.';
CREATE FUNCTION chatschema.audit_pii_digest(salt bytea, ip_address inet, user_agent text, details jsonb) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select sha256(salt || convert_to(string_agg(coalesce(octet_length(part) || ':' || part, '-'), ';' order by position), 'UTF8'))
    from unnest(array[host(ip_address) || '/' || masklen(ip_address), user_agent, details::text])
        with ordinality as t (part, position)
$$;
COMMENT ON FUNCTION chatschema.audit_pii_digest(salt bytea, ip_address inet, user_agent text, details jsonb) IS 'What stands in for the personal data of an audit row in proofs, so that the data can be erased and the proof remains.';
CREATE FUNCTION chatschema.delete_statuses() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    delete from public.message_statuses as s where s.message_id = old.id;
    return null;
end
$$;
COMMENT ON FUNCTION chatschema.delete_statuses() IS 'Trigger: statuses go with their message.';
CREATE FUNCTION chatschema.keep_message_identity() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'message % keeps its id and its conversation', old.id
        using errcode = 'check_violation', hint = 'Delete it and send another.';
end
$$;
COMMENT ON FUNCTION chatschema.keep_message_identity() IS 'Trigger: replies, statuses and attachments refer to the id within the conversation, so neither changes.';
CREATE FUNCTION chatschema.keep_public_key() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if (new.public_key, new.user_id, new.device_id, new.key_type, new.algorithm, new.key_id)
        is distinct from (old.public_key, old.user_id, old.device_id, old.key_type, old.algorithm, old.key_id)
    then
        raise exception 'public key % of user % cannot be changed', old.key_id, old.user_id
            using errcode = 'restrict_violation', hint = 'Supersede it and insert a new key.';
    end if;
    return new;
end
$$;
COMMENT ON FUNCTION chatschema.keep_public_key() IS 'Trigger: refuses another key under the same id.';
CREATE FUNCTION chatschema.keep_status_monotonic() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    ranks constant text[] := array['sent', 'failed', 'delivered', 'read'];
begin
    if tg_op = 'UPDATE' then
        if array_position(ranks, new.status) < array_position(ranks, old.status) then
            new.status := old.status;
        end if;
        -- least() ignores nulls: the first report counts, and a report that leaves a time out does not erase it.
        new.delivered_at := least(old.delivered_at, new.delivered_at);
        new.read_at := least(old.read_at, new.read_at);
        new.failed_at := least(old.failed_at, new.failed_at);
    end if;
    if new.status = 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := least(new.delivered_at, new.read_at);
    elsif new.status = 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
    elsif new.status = 'failed' then
        new.failed_at := coalesce(new.failed_at, now());
    end if;
    return new;
end
$$;
COMMENT ON FUNCTION chatschema.keep_status_monotonic() IS 'Trigger: a status only rises (sent, failed, delivered, read), each time is that of the first report, read implies delivered.';
CREATE FUNCTION chatschema.record_erasure() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    insert into chatschema.erasures (subject_type, subject_id, erased_at) values ('user', new.id, new.erased_at);
    return null;
end
$$;
COMMENT ON FUNCTION chatschema.record_erasure() IS 'Trigger: a user marked erased is erased from months that come back, too.';
CREATE FUNCTION chatschema.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'audit_logs is append-only: % refused', lower(tg_op)
        using errcode = 'insufficient_privilege', hint = 'Add a row that corrects the earlier one.';
end
$$;
COMMENT ON FUNCTION chatschema.refuse_audit_change() IS 'Trigger: refuses every change of the trail.';
CREATE FUNCTION chatschema.refuse_hold_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
COMMENT ON FUNCTION chatschema.refuse_hold_change() IS 'Trigger: a hold is placed and released; nothing else ever happens to its row.';
CREATE FUNCTION chatschema.release_attachment() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    update public.attachments as a set message_id = null where a.message_id = old.id;
    return null;
end
$$;
COMMENT ON FUNCTION chatschema.release_attachment() IS 'Trigger: the pointer to the stored file outlives its message, for the collector of files.';
CREATE FUNCTION chatschema.require_message() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
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
COMMENT ON FUNCTION chatschema.require_message() IS 'Trigger: the message that a row refers to is there, in the same conversation. The argument names the column.';
CREATE FUNCTION chatschema.set_conversation_id_from_message() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
COMMENT ON FUNCTION chatschema.set_conversation_id_from_message() IS 'Trigger: fills conversation_id from the message when the client leaves it out.';
CREATE FUNCTION chatschema.set_created_at_from_id() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
COMMENT ON FUNCTION chatschema.set_created_at_from_id() IS 'Trigger: created_at is the time in the id, so both orders agree; refuses two that name different days.';
CREATE FUNCTION chatschema.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.updated_at := now();
    return new;
end
$$;
COMMENT ON FUNCTION chatschema.set_updated_at() IS 'Trigger: updated_at is the time of the transaction that changed the row.';
CREATE FUNCTION chatschema.stamp_audit_log() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.recorded_at := clock_timestamp();
    new.recorded_by := session_user;
    new.txid := pg_current_xact_id();
    new.pii_salt := uuid_send(gen_random_uuid());
    new.pii_digest := chatschema.audit_pii_digest(new.pii_salt, new.ip_address, new.user_agent, new.details);
    return new;
end
$$;
COMMENT ON FUNCTION chatschema.stamp_audit_log() IS 'Trigger: sets what the writer must not choose: when and by whom it was recorded, and the digest.';
CREATE FUNCTION chatschema.unlink_replies() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    update public.messages as m set reply_to_id = null where m.reply_to_id = old.id;
    return null;
end
$$;
COMMENT ON FUNCTION chatschema.unlink_replies() IS 'Trigger: an answer outlives the deleted message. One that left with its month keeps its answers: it may come back.';
CREATE FUNCTION chatschema.uuid7() RETURNS uuid
    LANGUAGE plpgsql PARALLEL SAFE
    AS $$
begin
    -- Decided at run time, so a database upgraded to 18 takes the built-in generator without a migration.
    if current_setting('server_version_num')::int >= 180000 then
        return pg_catalog.uuidv7();
    end if;
    return chatschema.uuid7(clock_timestamp());
end
$$;
COMMENT ON FUNCTION chatschema.uuid7() IS 'A new UUIDv7 of this moment: the built-in uuidv7() from PostgreSQL 18 on, SQL before.';
CREATE FUNCTION chatschema.uuid7(at timestamp with time zone) RETURNS uuid
    LANGUAGE sql STRICT PARALLEL SAFE
    AS $$
    -- RFC 9562 section 5.7: 48 bits of milliseconds, version 7, 12 bits of the fraction (method 3), variant, 62 random bits.
    select (
        lpad(to_hex(micros / 1000), 12, '0')
        || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
        || substr(replace(gen_random_uuid()::text, '-', ''), 17)
    )::uuid
    from (select floor(extract(epoch from at - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint) as t (micros)
$$;
COMMENT ON FUNCTION chatschema.uuid7(at timestamp with time zone) IS 'A new UUIDv7 of the given moment, for imports: the id decides in which month a message is stored.';
CREATE FUNCTION chatschema.uuid7_floor(at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select (
        lpad(to_hex(least(greatest(millis, 0), 281474976710655)), 12, '0') || '70008000000000000000'
    )::uuid
    from (select floor(extract(epoch from at - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint) as t (millis)
$$;
COMMENT ON FUNCTION chatschema.uuid7_floor(at timestamp with time zone) IS 'The smallest UUIDv7 of the given moment: the bound of a partition, and of a query by time (id >= uuid7_floor($1)).';
CREATE FUNCTION chatschema.uuid7_time(id uuid) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select case when substr(id::text, 15, 1) = '7' then
        to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0::float8)
    end
$$;
COMMENT ON FUNCTION chatschema.uuid7_time(id uuid) IS 'The moment a UUIDv7 was made, in whole milliseconds; null for any other version.';
SET default_tablespace = '';
CREATE TABLE public.message_statuses (
    message_id uuid NOT NULL,
    user_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    status text DEFAULT 'sent'::text NOT NULL,
    delivered_at timestamp with time zone,
    read_at timestamp with time zone,
    failed_at timestamp with time zone,
    error_code text,
    reactions text[] DEFAULT '{}'::text[] NOT NULL,
    reacted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT message_statuses_reactions_check CHECK (((cardinality(reactions) <= 20) AND (array_position(reactions, NULL::text) IS NULL))),
    CONSTRAINT message_statuses_status_check CHECK ((status = ANY (ARRAY['sent'::text, 'failed'::text, 'delivered'::text, 'read'::text]))),
    CONSTRAINT message_statuses_status_time_check CHECK ((((status <> 'delivered'::text) OR (delivered_at IS NOT NULL)) AND ((status <> 'read'::text) OR ((read_at IS NOT NULL) AND (delivered_at IS NOT NULL))) AND ((status <> 'failed'::text) OR (failed_at IS NOT NULL))))
)
PARTITION BY RANGE (message_id);
COMMENT ON TABLE public.message_statuses IS 'What became of a message at each reader: delivered, read, reactions; months as in messages.';
COMMENT ON COLUMN public.message_statuses.message_id IS 'Which message; its UUIDv7 decides the month.';
COMMENT ON COLUMN public.message_statuses.user_id IS 'Which reader.';
COMMENT ON COLUMN public.message_statuses.conversation_id IS 'The message''s conversation; filled by a trigger when left out.';
COMMENT ON COLUMN public.message_statuses.status IS 'sent, failed, delivered or read; never falls back.';
COMMENT ON COLUMN public.message_statuses.delivered_at IS 'First report of delivery.';
COMMENT ON COLUMN public.message_statuses.read_at IS 'First report of reading.';
COMMENT ON COLUMN public.message_statuses.failed_at IS 'First report of failure.';
COMMENT ON COLUMN public.message_statuses.error_code IS 'Why delivery failed.';
COMMENT ON COLUMN public.message_statuses.reactions IS 'The reader''s reactions, at most 20.';
COMMENT ON COLUMN public.message_statuses.reacted_at IS 'Last change of the reactions.';
COMMENT ON COLUMN public.message_statuses.created_at IS 'When the first report came.';
COMMENT ON COLUMN public.message_statuses.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT message_statuses_reactions_check ON public.message_statuses IS 'At most 20, none of them null.';
COMMENT ON CONSTRAINT message_statuses_status_check ON public.message_statuses IS 'The states of a delivery.';
COMMENT ON CONSTRAINT message_statuses_status_time_check ON public.message_statuses IS 'A state says when; read implies delivered.';
CREATE TABLE public.messages (
    id uuid DEFAULT chatschema.uuid7() NOT NULL,
    conversation_id uuid NOT NULL,
    sender_id uuid,
    content_encrypted bytea,
    content_nonce bytea,
    content_algorithm text,
    key_version integer,
    sender_key_id uuid,
    message_type text DEFAULT 'text'::text NOT NULL,
    reply_to_id uuid,
    edited_at timestamp with time zone,
    edit_count integer DEFAULT 0 NOT NULL,
    edit_history jsonb DEFAULT '[]'::jsonb NOT NULL,
    is_deleted boolean DEFAULT false NOT NULL,
    deleted_at timestamp with time zone,
    deleted_by uuid,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT messages_content_nonce_check CHECK (((octet_length(content_nonce) >= 8) AND (octet_length(content_nonce) <= 32))),
    CONSTRAINT messages_content_present_check CHECK (((content_encrypted IS NOT NULL) OR is_deleted OR (message_type = 'system'::text))),
    CONSTRAINT messages_content_size_check CHECK ((octet_length(content_encrypted) <= 65536)),
    CONSTRAINT messages_edit_check CHECK ((((edit_count > 0) = (edited_at IS NOT NULL)) AND (edit_count >= 0))),
    CONSTRAINT messages_edit_history_check CHECK (((jsonb_typeof(edit_history) = 'array'::text) AND (jsonb_array_length(edit_history) <= 50))),
    CONSTRAINT messages_is_deleted_check CHECK ((is_deleted = (deleted_at IS NOT NULL))),
    CONSTRAINT messages_key_version_check CHECK ((key_version > 0)),
    CONSTRAINT messages_message_type_check CHECK ((message_type = ANY (ARRAY['text'::text, 'image'::text, 'file'::text, 'audio'::text, 'video'::text, 'system'::text]))),
    CONSTRAINT messages_sender_check CHECK (((sender_id IS NOT NULL) OR (message_type = 'system'::text)))
)
PARTITION BY RANGE (id);
ALTER TABLE ONLY public.messages ALTER COLUMN content_encrypted SET STORAGE EXTERNAL;
COMMENT ON TABLE public.messages IS 'What was said, as ciphertext; partitioned by month on the id, a UUIDv7.';
COMMENT ON COLUMN public.messages.id IS 'UUIDv7: decides the month it is stored in; page with id < $cursor order by id desc. Made by a client it is the idempotency key.';
COMMENT ON COLUMN public.messages.conversation_id IS 'Where it was said.';
COMMENT ON COLUMN public.messages.sender_id IS 'Who said it; null for a system message.';
COMMENT ON COLUMN public.messages.content_encrypted IS 'Ciphertext, at most 64 kB; null once deleted. The server cannot read it.';
COMMENT ON COLUMN public.messages.content_nonce IS 'Nonce of the cipher, where it is not part of the ciphertext.';
COMMENT ON COLUMN public.messages.content_algorithm IS 'The cipher, for example xsalsa20-poly1305.';
COMMENT ON COLUMN public.messages.key_version IS 'Version of the conversation key it is encrypted with.';
COMMENT ON COLUMN public.messages.sender_key_id IS 'Public key of the sender in use. No foreign key: keys may be deleted.';
COMMENT ON COLUMN public.messages.message_type IS 'text, image, file, audio, video or system.';
COMMENT ON COLUMN public.messages.reply_to_id IS 'The message answered, in the same conversation; null once that is deleted, kept while its month is away.';
COMMENT ON COLUMN public.messages.edited_at IS 'Last edit.';
COMMENT ON COLUMN public.messages.edit_count IS 'How often it was edited.';
COMMENT ON COLUMN public.messages.edit_history IS 'Earlier ciphertexts, oldest first, at most 50; emptied by erasure.';
COMMENT ON COLUMN public.messages.is_deleted IS 'Deleted for everybody; the row stays so that replies keep their place.';
COMMENT ON COLUMN public.messages.deleted_at IS 'When it was deleted.';
COMMENT ON COLUMN public.messages.deleted_by IS 'Who deleted it: the sender or a moderator. No foreign key: users are never deleted while they take part.';
COMMENT ON COLUMN public.messages.expires_at IS 'Disappears after this; null is never.';
COMMENT ON COLUMN public.messages.created_at IS 'When it was said, in whole milliseconds: the time in the id.';
COMMENT ON COLUMN public.messages.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT messages_content_nonce_check ON public.messages IS '8 to 32 bytes: what the known ciphers take.';
COMMENT ON CONSTRAINT messages_content_present_check ON public.messages IS 'A message has content until it is deleted.';
COMMENT ON CONSTRAINT messages_content_size_check ON public.messages IS 'At most 64 kB; larger things are attachments.';
COMMENT ON CONSTRAINT messages_edit_check ON public.messages IS 'An edited message says when.';
COMMENT ON CONSTRAINT messages_edit_history_check ON public.messages IS 'A JSON array of at most 50 entries.';
COMMENT ON CONSTRAINT messages_is_deleted_check ON public.messages IS 'A deleted message says when.';
COMMENT ON CONSTRAINT messages_key_version_check ON public.messages IS 'From 1.';
COMMENT ON CONSTRAINT messages_message_type_check ON public.messages IS 'The kinds of message.';
COMMENT ON CONSTRAINT messages_sender_check ON public.messages IS 'Only the system speaks without a sender.';
SET default_table_access_method = heap;
CREATE TABLE chatschema._yoyo_log (
    id character varying(36) NOT NULL,
    migration_hash character varying(64),
    migration_id character varying(255),
    operation character varying(10),
    username character varying(255),
    hostname character varying(255),
    comment character varying(255),
    created_at_utc timestamp without time zone
);
COMMENT ON TABLE chatschema._yoyo_log IS 'yoyo: every apply and rollback, by whom and where.';
CREATE TABLE chatschema._yoyo_migration (
    migration_hash character varying(64) NOT NULL,
    migration_id character varying(255),
    applied_at_utc timestamp without time zone
);
COMMENT ON TABLE chatschema._yoyo_migration IS 'yoyo: the applied migrations.';
CREATE TABLE chatschema._yoyo_version (
    version integer NOT NULL,
    installed_at_utc timestamp without time zone
);
COMMENT ON TABLE chatschema._yoyo_version IS 'yoyo: the version of these four tables.';
CREATE TABLE chatschema.erasures (
    id bigint NOT NULL,
    subject_type text NOT NULL,
    subject_id uuid NOT NULL,
    erased_at timestamp with time zone DEFAULT now() NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT erasures_subject_type_check CHECK ((subject_type = ANY (ARRAY['user'::text, 'conversation'::text, 'message'::text])))
);
COMMENT ON TABLE chatschema.erasures IS 'Whose or which data was removed; applied to every month that comes back. Holds no personal data itself.';
COMMENT ON COLUMN chatschema.erasures.id IS 'Order of recording.';
COMMENT ON COLUMN chatschema.erasures.subject_type IS 'user, conversation or message. Users come by trigger; record the others with an insert.';
COMMENT ON COLUMN chatschema.erasures.subject_id IS 'Which one. No foreign key: the row may be gone.';
COMMENT ON COLUMN chatschema.erasures.erased_at IS 'When it was erased.';
COMMENT ON COLUMN chatschema.erasures.recorded_at IS 'When that was recorded here.';
COMMENT ON CONSTRAINT erasures_subject_type_check ON chatschema.erasures IS 'What can be erased.';
ALTER TABLE chatschema.erasures ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chatschema.erasures_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE chatschema.holds (
    id bigint NOT NULL,
    conversation_id uuid,
    user_id uuid,
    from_at timestamp with time zone,
    to_at timestamp with time zone,
    reason text NOT NULL,
    placed_by text DEFAULT SESSION_USER NOT NULL,
    placed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    release_reason text,
    CONSTRAINT holds_period_check CHECK ((from_at < to_at)),
    CONSTRAINT holds_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 1000))),
    CONSTRAINT holds_released_check CHECK ((((released_at IS NULL) = (released_by IS NULL)) AND ((released_at IS NULL) = (release_reason IS NULL))))
);
COMMENT ON TABLE chatschema.holds IS 'What must not be removed, who asked for that and why.';
COMMENT ON COLUMN chatschema.holds.id IS 'What hold release asks for.';
COMMENT ON COLUMN chatschema.holds.conversation_id IS 'Only messages of this conversation; null is any. No foreign key: a hold outlives what it names.';
COMMENT ON COLUMN chatschema.holds.user_id IS 'Only messages that this user sent or could read; null is anybody''s.';
COMMENT ON COLUMN chatschema.holds.from_at IS 'Only messages from this moment on; null is from the beginning.';
COMMENT ON COLUMN chatschema.holds.to_at IS 'Only messages before this moment; null is without end.';
COMMENT ON COLUMN chatschema.holds.reason IS 'Why, for example the number of the case.';
COMMENT ON COLUMN chatschema.holds.placed_by IS 'Who placed it.';
COMMENT ON COLUMN chatschema.holds.placed_at IS 'When it was placed.';
COMMENT ON COLUMN chatschema.holds.released_by IS 'Who released it.';
COMMENT ON COLUMN chatschema.holds.released_at IS 'When it was released; null while it holds.';
COMMENT ON COLUMN chatschema.holds.release_reason IS 'Why it was released.';
COMMENT ON CONSTRAINT holds_period_check ON chatschema.holds IS 'A period has a length.';
COMMENT ON CONSTRAINT holds_reason_check ON chatschema.holds IS '1 to 1000 characters.';
COMMENT ON CONSTRAINT holds_released_check ON chatschema.holds IS 'A release says when, who and why.';
CREATE TABLE public.conversation_participants (
    conversation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text DEFAULT 'member'::text NOT NULL,
    encrypted_key bytea,
    key_nonce bytea,
    key_algorithm text,
    key_version integer,
    public_key_id uuid,
    last_read_message_id uuid,
    last_delivered_message_id uuid,
    notification_level text DEFAULT 'all'::text NOT NULL,
    muted_until timestamp with time zone,
    is_pinned boolean DEFAULT false NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT conversation_participants_encrypted_key_check CHECK ((((encrypted_key IS NULL) OR ((key_algorithm IS NOT NULL) AND (key_version IS NOT NULL))) AND (octet_length(encrypted_key) <= 8192))),
    CONSTRAINT conversation_participants_key_version_check CHECK ((key_version > 0)),
    CONSTRAINT conversation_participants_left_at_check CHECK ((left_at >= (joined_at - '00:01:00'::interval))),
    CONSTRAINT conversation_participants_notification_level_check CHECK ((notification_level = ANY (ARRAY['all'::text, 'mentions'::text, 'none'::text]))),
    CONSTRAINT conversation_participants_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'moderator'::text, 'member'::text])))
);
COMMENT ON TABLE public.conversation_participants IS 'Who takes part in what, with which role and which wrapped key.';
COMMENT ON COLUMN public.conversation_participants.conversation_id IS 'In which conversation.';
COMMENT ON COLUMN public.conversation_participants.user_id IS 'Who.';
COMMENT ON COLUMN public.conversation_participants.role IS 'admin, moderator or member, in this conversation.';
COMMENT ON COLUMN public.conversation_participants.encrypted_key IS 'The conversation key wrapped for this user''s public key; null once shredded.';
COMMENT ON COLUMN public.conversation_participants.key_nonce IS 'Nonce of the wrapping, where the algorithm has one apart from the ciphertext.';
COMMENT ON COLUMN public.conversation_participants.key_algorithm IS 'How the key is wrapped, for example x25519-sealed-box.';
COMMENT ON COLUMN public.conversation_participants.key_version IS 'Version of the conversation key in encrypted_key.';
COMMENT ON COLUMN public.conversation_participants.public_key_id IS 'For which public key it is wrapped.';
COMMENT ON COLUMN public.conversation_participants.last_read_message_id IS 'Newest message read; unread are the ids after it. No foreign key: months leave by retention.';
COMMENT ON COLUMN public.conversation_participants.last_delivered_message_id IS 'Newest message that reached a device of the user.';
COMMENT ON COLUMN public.conversation_participants.notification_level IS 'all, mentions or none.';
COMMENT ON COLUMN public.conversation_participants.muted_until IS 'No notification before this.';
COMMENT ON COLUMN public.conversation_participants.is_pinned IS 'Kept on top of the user''s list.';
COMMENT ON COLUMN public.conversation_participants.joined_at IS 'From when the user may read.';
COMMENT ON COLUMN public.conversation_participants.left_at IS 'When the user left; null while a member.';
COMMENT ON COLUMN public.conversation_participants.created_at IS 'When the row was made.';
COMMENT ON COLUMN public.conversation_participants.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT conversation_participants_encrypted_key_check ON public.conversation_participants IS 'A wrapped key says how and which version; at most 8 kB.';
COMMENT ON CONSTRAINT conversation_participants_key_version_check ON public.conversation_participants IS 'From 1.';
COMMENT ON CONSTRAINT conversation_participants_left_at_check ON public.conversation_participants IS 'Nobody leaves before joining; a minute covers the clocks of application and server.';
COMMENT ON CONSTRAINT conversation_participants_notification_level_check ON public.conversation_participants IS 'The levels of notification.';
COMMENT ON CONSTRAINT conversation_participants_role_check ON public.conversation_participants IS 'The roles of a conversation.';
CREATE VIEW chatschema.held_scopes AS
 WITH active AS (
         SELECT holds.id,
            holds.conversation_id,
            holds.user_id,
            COALESCE(chatschema.uuid7_floor(holds.from_at), '00000000-0000-0000-0000-000000000000'::uuid) AS low,
            COALESCE(chatschema.uuid7_floor(holds.to_at), 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AS high
           FROM chatschema.holds
          WHERE (holds.released_at IS NULL)
        )
 SELECT active.id AS hold_id,
    active.conversation_id,
    active.user_id AS sender_id,
    active.low,
    active.high
   FROM active
UNION ALL
 SELECT a.id AS hold_id,
    p.conversation_id,
    NULL::uuid AS sender_id,
    a.low,
    a.high
   FROM (active a
     JOIN public.conversation_participants p ON ((p.user_id = a.user_id)))
  WHERE ((a.conversation_id IS NULL) OR (a.conversation_id = p.conversation_id));
COMMENT ON VIEW chatschema.held_scopes IS 'What holds now: a message is held when a row matches its conversation, its sender and its id (low <= id < high).';
ALTER TABLE chatschema.holds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chatschema.holds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE chatschema.migrations (
    migration_id text NOT NULL,
    checksum text NOT NULL,
    state text NOT NULL,
    applied_order bigint NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    duration_ms double precision,
    tool_version text NOT NULL,
    CONSTRAINT migrations_state_check CHECK ((state = ANY (ARRAY['running'::text, 'applied'::text])))
);
COMMENT ON TABLE chatschema.migrations IS 'What yoyo does not keep of a migration: checksum, order, duration. A row in state running is a statement that may have been cut off.';
ALTER TABLE chatschema.migrations ALTER COLUMN applied_order ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chatschema.migrations_applied_order_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE chatschema.protection (
    is_protected boolean DEFAULT true NOT NULL,
    reason text NOT NULL,
    protected_at timestamp with time zone DEFAULT now() NOT NULL,
    protected_by text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT protection_one_row_check CHECK (is_protected)
);
COMMENT ON TABLE chatschema.protection IS 'One row: reset, seed, undo --all and any undo that loses rows are refused. See chatschema protect.';
CREATE TABLE chatschema.released_attachments (
    attachment_id uuid NOT NULL,
    message_id uuid NOT NULL,
    released_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
COMMENT ON TABLE chatschema.released_attachments IS 'Which message an attachment had when that was dropped with its month; used when the month comes back.';
COMMENT ON COLUMN chatschema.released_attachments.attachment_id IS 'The attachment. No foreign key: it may be collected.';
COMMENT ON COLUMN chatschema.released_attachments.message_id IS 'The message it had.';
COMMENT ON COLUMN chatschema.released_attachments.released_at IS 'When it was released.';
CREATE TABLE chatschema.retired_months (
    month timestamp with time zone NOT NULL,
    state text DEFAULT 'attached'::text NOT NULL,
    keep_until timestamp with time zone,
    detached_at timestamp with time zone,
    archived_at timestamp with time zone,
    archive text,
    archive_sha256 text,
    dropped_at timestamp with time zone,
    restored_at timestamp with time zone,
    messages bigint,
    statuses bigint,
    held_messages bigint,
    attachments_released bigint,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT retired_months_archive_check CHECK ((((archived_at IS NULL) = (archive IS NULL)) AND ((archived_at IS NULL) = (archive_sha256 IS NULL)))),
    CONSTRAINT retired_months_dropped_check CHECK (((state <> 'dropped'::text) OR (dropped_at IS NOT NULL))),
    CONSTRAINT retired_months_month_check CHECK ((month = date_trunc('month'::text, month, 'UTC'::text))),
    CONSTRAINT retired_months_state_check CHECK ((state = ANY (ARRAY['attached'::text, 'detaching'::text, 'detached'::text, 'dropped'::text])))
);
COMMENT ON TABLE chatschema.retired_months IS 'Months that have left or are leaving, or were archived or brought back; one row a month.';
COMMENT ON COLUMN chatschema.retired_months.month IS 'First instant of the month, UTC.';
COMMENT ON COLUMN chatschema.retired_months.state IS 'attached, detaching, detached or dropped.';
COMMENT ON COLUMN chatschema.retired_months.keep_until IS 'Brought back: not to be retired before this.';
COMMENT ON COLUMN chatschema.retired_months.detached_at IS 'When it left the partitioned tables; the days of grace count from here.';
COMMENT ON COLUMN chatschema.retired_months.archived_at IS 'When its latest archive was written and read back.';
COMMENT ON COLUMN chatschema.retired_months.archive IS 'Folder of that archive, on the host that wrote it.';
COMMENT ON COLUMN chatschema.retired_months.archive_sha256 IS 'SHA-256 of that archive''s manifest, which names those of its files.';
COMMENT ON COLUMN chatschema.retired_months.dropped_at IS 'When its tables were dropped.';
COMMENT ON COLUMN chatschema.retired_months.restored_at IS 'When it was last brought back.';
COMMENT ON COLUMN chatschema.retired_months.messages IS 'Messages in the archive, or dropped.';
COMMENT ON COLUMN chatschema.retired_months.statuses IS 'Statuses in the archive, or dropped.';
COMMENT ON COLUMN chatschema.retired_months.held_messages IS 'Messages under a hold that were kept in a table of their own when the rest was dropped.';
COMMENT ON COLUMN chatschema.retired_months.attachments_released IS 'Attachments that lost their message; null until that is done.';
COMMENT ON COLUMN chatschema.retired_months.changed_at IS 'Last change.';
COMMENT ON CONSTRAINT retired_months_archive_check ON chatschema.retired_months IS 'An archive has a time, a place and a digest.';
COMMENT ON CONSTRAINT retired_months_dropped_check ON chatschema.retired_months IS 'What was dropped says when.';
COMMENT ON CONSTRAINT retired_months_month_check ON chatschema.retired_months IS 'A month begins on its first day in UTC.';
COMMENT ON CONSTRAINT retired_months_state_check ON chatschema.retired_months IS 'The states a month goes through.';
CREATE TABLE chatschema.seeded_rows (
    seed text NOT NULL,
    table_name text NOT NULL,
    key text[] NOT NULL
);
COMMENT ON TABLE chatschema.seeded_rows IS 'The primary key of every seeded row, so that seed --undo removes exactly those.';
CREATE TABLE chatschema.seeds (
    name text NOT NULL,
    rng bigint NOT NULL,
    row_count integer DEFAULT 0 NOT NULL,
    seeded_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE chatschema.seeds IS 'The seeders that have run, with the number their data came from.';
CREATE TABLE chatschema.yoyo_lock (
    locked integer DEFAULT 1 NOT NULL,
    ctime timestamp without time zone,
    pid integer NOT NULL
);
COMMENT ON TABLE chatschema.yoyo_lock IS 'yoyo: its lock. chatschema uses an advisory lock, which a killed client cannot leave behind.';
CREATE TABLE public.attachments (
    id uuid DEFAULT chatschema.uuid7() NOT NULL,
    message_id uuid,
    conversation_id uuid NOT NULL,
    uploader_id uuid NOT NULL,
    storage_provider text DEFAULT 's3'::text NOT NULL,
    storage_key text NOT NULL,
    file_name_encrypted bytea,
    mime_type text,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    is_encrypted boolean DEFAULT true NOT NULL,
    encryption_algorithm text,
    encryption_nonce bytea,
    key_version integer,
    state text DEFAULT 'pending'::text NOT NULL,
    purged_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT attachments_encryption_check CHECK (((NOT is_encrypted) OR (encryption_algorithm IS NOT NULL))),
    CONSTRAINT attachments_key_version_check CHECK ((key_version > 0)),
    CONSTRAINT attachments_purged_at_check CHECK (((purged_at IS NULL) OR (state = 'deleted'::text))),
    CONSTRAINT attachments_sha256_check CHECK ((octet_length(sha256) = 32)),
    CONSTRAINT attachments_size_bytes_check CHECK ((size_bytes >= 0)),
    CONSTRAINT attachments_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'ready'::text, 'quarantined'::text, 'deleted'::text]))),
    CONSTRAINT attachments_storage_key_check CHECK (((storage_key !~ '://'::text) AND ((length(storage_key) >= 1) AND (length(storage_key) <= 1024))))
);
COMMENT ON TABLE public.attachments IS 'Where a message''s file is stored; the file itself is elsewhere.';
COMMENT ON COLUMN public.attachments.id IS 'UUIDv7.';
COMMENT ON COLUMN public.attachments.message_id IS 'The message it belongs to; null before sending and after the message is gone.';
COMMENT ON COLUMN public.attachments.conversation_id IS 'The message''s conversation; filled by a trigger when left out.';
COMMENT ON COLUMN public.attachments.uploader_id IS 'Who uploaded it.';
COMMENT ON COLUMN public.attachments.storage_provider IS 'Which store: s3, gcs, disk, ...';
COMMENT ON COLUMN public.attachments.storage_key IS 'The name in that store; no URL, no signature.';
COMMENT ON COLUMN public.attachments.file_name_encrypted IS 'The file''s name as ciphertext.';
COMMENT ON COLUMN public.attachments.mime_type IS 'Type of the content, as the client says.';
COMMENT ON COLUMN public.attachments.size_bytes IS 'Size of the stored bytes.';
COMMENT ON COLUMN public.attachments.sha256 IS 'SHA-256 of the stored bytes.';
COMMENT ON COLUMN public.attachments.is_encrypted IS 'Whether the stored bytes are ciphertext.';
COMMENT ON COLUMN public.attachments.encryption_algorithm IS 'The cipher of the stored bytes.';
COMMENT ON COLUMN public.attachments.encryption_nonce IS 'Nonce of the cipher, where it is not part of the bytes.';
COMMENT ON COLUMN public.attachments.key_version IS 'Version of the conversation key.';
COMMENT ON COLUMN public.attachments.state IS 'pending, ready, quarantined or deleted.';
COMMENT ON COLUMN public.attachments.purged_at IS 'When the stored bytes were removed.';
COMMENT ON COLUMN public.attachments.created_at IS 'When the upload began.';
COMMENT ON COLUMN public.attachments.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT attachments_encryption_check ON public.attachments IS 'Ciphertext names its cipher.';
COMMENT ON CONSTRAINT attachments_key_version_check ON public.attachments IS 'From 1.';
COMMENT ON CONSTRAINT attachments_purged_at_check ON public.attachments IS 'Only a deleted file is purged.';
COMMENT ON CONSTRAINT attachments_sha256_check ON public.attachments IS '32 bytes.';
COMMENT ON CONSTRAINT attachments_size_bytes_check ON public.attachments IS 'Not negative.';
COMMENT ON CONSTRAINT attachments_state_check ON public.attachments IS 'The states of a file.';
COMMENT ON CONSTRAINT attachments_storage_key_check ON public.attachments IS 'A key, not a URL; 1 to 1024 characters.';
CREATE TABLE public.audit_logs (
    id bigint NOT NULL,
    user_id uuid,
    action text NOT NULL,
    resource_type text,
    resource_id text,
    severity text DEFAULT 'info'::text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    ip_address inet,
    user_agent text,
    session_id uuid,
    request_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    recorded_by text DEFAULT SESSION_USER NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    pii_salt bytea DEFAULT uuid_send(gen_random_uuid()) NOT NULL,
    pii_digest bytea NOT NULL,
    CONSTRAINT audit_logs_action_length_check CHECK (((length(action) >= 1) AND (length(action) <= 200))),
    CONSTRAINT audit_logs_pii_digest_check CHECK ((octet_length(pii_digest) = 32)),
    CONSTRAINT audit_logs_severity_check CHECK ((severity = ANY (ARRAY['debug'::text, 'info'::text, 'warning'::text, 'error'::text, 'critical'::text])))
);
COMMENT ON TABLE public.audit_logs IS 'Who did what, when and from where; rows are added, never changed.';
COMMENT ON COLUMN public.audit_logs.id IS 'Order of arrival, with gaps.';
COMMENT ON COLUMN public.audit_logs.user_id IS 'Who did it; null for nobody known. No foreign key: the trail outlives the user.';
COMMENT ON COLUMN public.audit_logs.action IS 'What was done, for example message.delete.';
COMMENT ON COLUMN public.audit_logs.resource_type IS 'To what kind of thing.';
COMMENT ON COLUMN public.audit_logs.resource_id IS 'To which one, as the application names it; any text.';
COMMENT ON COLUMN public.audit_logs.severity IS 'debug, info, warning, error or critical.';
COMMENT ON COLUMN public.audit_logs.details IS 'What changed. Personal data.';
COMMENT ON COLUMN public.audit_logs.ip_address IS 'From where. Personal data.';
COMMENT ON COLUMN public.audit_logs.user_agent IS 'With what. Personal data.';
COMMENT ON COLUMN public.audit_logs.session_id IS 'In which session.';
COMMENT ON COLUMN public.audit_logs.request_id IS 'In which request, for joining with the application''s log.';
COMMENT ON COLUMN public.audit_logs.created_at IS 'When it was done, as the writer says.';
COMMENT ON COLUMN public.audit_logs.recorded_at IS 'When the row arrived, by the server''s clock; cannot be chosen.';
COMMENT ON COLUMN public.audit_logs.recorded_by IS 'Database role that wrote it; cannot be chosen.';
COMMENT ON COLUMN public.audit_logs.txid IS 'Transaction that wrote it; orders the trail for sealing.';
COMMENT ON COLUMN public.audit_logs.pii_salt IS 'Random; erased together with the personal data.';
COMMENT ON COLUMN public.audit_logs.pii_digest IS 'SHA-256 of salt and personal data; stays when they are erased.';
COMMENT ON CONSTRAINT audit_logs_action_length_check ON public.audit_logs IS '1 to 200 characters.';
COMMENT ON CONSTRAINT audit_logs_pii_digest_check ON public.audit_logs IS 'A SHA-256.';
COMMENT ON CONSTRAINT audit_logs_severity_check ON public.audit_logs IS 'The five severities.';
ALTER TABLE public.audit_logs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.auth_sessions (
    id uuid DEFAULT chatschema.uuid7() NOT NULL,
    user_id uuid NOT NULL,
    family_id uuid DEFAULT chatschema.uuid7() NOT NULL,
    parent_id uuid,
    refresh_token_hash text NOT NULL,
    device_id uuid,
    device_name text,
    device_type text,
    ip_address inet,
    user_agent text,
    last_used_at timestamp with time zone,
    rotated_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revoked_reason text,
    expires_at timestamp with time zone DEFAULT (now() + '30 days'::interval) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT auth_sessions_refresh_token_hash_check CHECK ((refresh_token_hash ~ '^\$2[aby]\$12\$[./A-Za-z0-9]{53}$'::text)),
    CONSTRAINT auth_sessions_revoked_reason_check CHECK ((((revoked_at IS NULL) = (revoked_reason IS NULL)) AND (revoked_reason = ANY (ARRAY['logout'::text, 'admin'::text, 'password_change'::text, 'reuse_detected'::text, 'expired'::text, 'erasure'::text])))),
    CONSTRAINT auth_sessions_user_agent_length_check CHECK ((length(user_agent) <= 2048))
);
COMMENT ON TABLE public.auth_sessions IS 'Refresh tokens handed out, one row a token, one family a login.';
COMMENT ON COLUMN public.auth_sessions.id IS 'UUIDv7. The token on the wire is <id>.<secret>: find the row by id, then compare the secret once.';
COMMENT ON COLUMN public.auth_sessions.user_id IS 'Whose token.';
COMMENT ON COLUMN public.auth_sessions.family_id IS 'The login this token descends from; revoking a login is an update by family.';
COMMENT ON COLUMN public.auth_sessions.parent_id IS 'The token this one replaced.';
COMMENT ON COLUMN public.auth_sessions.refresh_token_hash IS 'bcrypt, cost 12, of the secret alone (bcrypt reads 72 bytes). Secret.';
COMMENT ON COLUMN public.auth_sessions.device_id IS 'The device, as the client names itself.';
COMMENT ON COLUMN public.auth_sessions.device_name IS 'Shown in the list of devices. Personal data.';
COMMENT ON COLUMN public.auth_sessions.device_type IS 'web, ios, android, desktop, ...';
COMMENT ON COLUMN public.auth_sessions.ip_address IS 'Where the token was issued. Personal data.';
COMMENT ON COLUMN public.auth_sessions.user_agent IS 'What asked for the token. Personal data.';
COMMENT ON COLUMN public.auth_sessions.last_used_at IS 'Last refresh.';
COMMENT ON COLUMN public.auth_sessions.rotated_at IS 'When a child replaced it; a later use is theft or a retry.';
COMMENT ON COLUMN public.auth_sessions.revoked_at IS 'When it stopped being valid before its time.';
COMMENT ON COLUMN public.auth_sessions.revoked_reason IS 'Why it was revoked.';
COMMENT ON COLUMN public.auth_sessions.expires_at IS 'End of its validity; purge after it.';
COMMENT ON COLUMN public.auth_sessions.created_at IS 'When the token was issued.';
COMMENT ON COLUMN public.auth_sessions.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT auth_sessions_refresh_token_hash_check ON public.auth_sessions IS 'A bcrypt hash of cost 12, and nothing else.';
COMMENT ON CONSTRAINT auth_sessions_revoked_reason_check ON public.auth_sessions IS 'A revoked token says why, with a known reason.';
COMMENT ON CONSTRAINT auth_sessions_user_agent_length_check ON public.auth_sessions IS 'At most 2048 characters: a login is not refused for a talkative browser.';
CREATE TABLE public.conversations (
    id uuid DEFAULT chatschema.uuid7() NOT NULL,
    type text DEFAULT 'group'::text NOT NULL,
    title text,
    avatar_url text,
    direct_user_low uuid,
    direct_user_high uuid,
    created_by uuid,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    current_key_version integer DEFAULT 1 NOT NULL,
    retention_days integer,
    is_archived boolean DEFAULT false NOT NULL,
    deleted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT conversations_current_key_version_check CHECK ((current_key_version > 0)),
    CONSTRAINT conversations_direct_pair_check CHECK (
CASE type
    WHEN 'direct'::text THEN ((direct_user_low IS NOT NULL) AND (direct_user_high IS NOT NULL) AND (direct_user_low <= direct_user_high))
    ELSE ((direct_user_low IS NULL) AND (direct_user_high IS NULL))
END),
    CONSTRAINT conversations_retention_days_check CHECK ((retention_days > 0)),
    CONSTRAINT conversations_settings_check CHECK (((jsonb_typeof(settings) = 'object'::text) AND (octet_length((settings)::text) <= 16384))),
    CONSTRAINT conversations_title_length_check CHECK (((length(title) >= 1) AND (length(title) <= 200))),
    CONSTRAINT conversations_type_check CHECK ((type = ANY (ARRAY['direct'::text, 'group'::text])))
);
COMMENT ON TABLE public.conversations IS 'Where messages are said: direct (two people) or group.';
COMMENT ON COLUMN public.conversations.id IS 'UUIDv7.';
COMMENT ON COLUMN public.conversations.type IS 'direct or group.';
COMMENT ON COLUMN public.conversations.title IS 'Name of a group; null for a direct conversation.';
COMMENT ON COLUMN public.conversations.avatar_url IS 'Picture of a group.';
COMMENT ON COLUMN public.conversations.direct_user_low IS 'Of a direct conversation: the smaller of the two user ids.';
COMMENT ON COLUMN public.conversations.direct_user_high IS 'Of a direct conversation: the greater of the two user ids; the same for notes to self.';
COMMENT ON COLUMN public.conversations.created_by IS 'Who started it; null once that user is gone.';
COMMENT ON COLUMN public.conversations.settings IS 'The application''s settings, an object of at most 16 kB.';
COMMENT ON COLUMN public.conversations.current_key_version IS 'Version of the conversation key that new messages use; raise it when a member leaves.';
COMMENT ON COLUMN public.conversations.retention_days IS 'Messages older than this are deleted; null is the default of the installation.';
COMMENT ON COLUMN public.conversations.is_archived IS 'Read only, out of the way.';
COMMENT ON COLUMN public.conversations.deleted_at IS 'When it was closed for good; its messages leave by retention.';
COMMENT ON COLUMN public.conversations.created_at IS 'When it was started.';
COMMENT ON COLUMN public.conversations.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT conversations_current_key_version_check ON public.conversations IS 'From 1.';
COMMENT ON CONSTRAINT conversations_direct_pair_check ON public.conversations IS 'A direct conversation names its pair, smaller id first; a group names none.';
COMMENT ON CONSTRAINT conversations_retention_days_check ON public.conversations IS 'At least a day.';
COMMENT ON CONSTRAINT conversations_settings_check ON public.conversations IS 'A JSON object of at most 16 kB.';
COMMENT ON CONSTRAINT conversations_title_length_check ON public.conversations IS '1 to 200 characters.';
COMMENT ON CONSTRAINT conversations_type_check ON public.conversations IS 'The two kinds.';
CREATE TABLE public.user_public_keys (
    id uuid DEFAULT chatschema.uuid7() NOT NULL,
    user_id uuid NOT NULL,
    device_id uuid,
    key_type text DEFAULT 'identity'::text NOT NULL,
    algorithm text DEFAULT 'x25519'::text NOT NULL,
    key_id text DEFAULT (chatschema.uuid7())::text NOT NULL,
    key_version integer DEFAULT 1 NOT NULL,
    public_key bytea NOT NULL,
    signature bytea,
    fingerprint bytea GENERATED ALWAYS AS (sha256(public_key)) STORED,
    status text DEFAULT 'active'::text NOT NULL,
    activated_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    superseded_at timestamp with time zone,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT user_public_keys_key_type_check CHECK ((key_type = ANY (ARRAY['identity'::text, 'signed_prekey'::text, 'one_time_prekey'::text, 'fallback'::text]))),
    CONSTRAINT user_public_keys_key_version_check CHECK ((key_version > 0)),
    CONSTRAINT user_public_keys_public_key_size_check CHECK (((octet_length(public_key) >= 16) AND (octet_length(public_key) <= 4096))),
    CONSTRAINT user_public_keys_signature_check CHECK (((key_type <> 'signed_prekey'::text) OR (signature IS NOT NULL))),
    CONSTRAINT user_public_keys_status_check CHECK ((status = ANY (ARRAY['active'::text, 'superseded'::text, 'revoked'::text, 'used'::text]))),
    CONSTRAINT user_public_keys_status_time_check CHECK ((((status <> 'superseded'::text) OR (superseded_at IS NOT NULL)) AND ((status <> 'revoked'::text) OR (revoked_at IS NOT NULL))))
);
COMMENT ON TABLE public.user_public_keys IS 'The public half of every key a user encrypts with; rotated, never changed.';
COMMENT ON COLUMN public.user_public_keys.id IS 'UUIDv7.';
COMMENT ON COLUMN public.user_public_keys.user_id IS 'Whose key.';
COMMENT ON COLUMN public.user_public_keys.device_id IS 'The device that holds the private half; null for a key of the user, shared by devices.';
COMMENT ON COLUMN public.user_public_keys.key_type IS 'identity, signed_prekey, one_time_prekey or fallback.';
COMMENT ON COLUMN public.user_public_keys.algorithm IS 'What the key is for, for example x25519 or ed25519.';
COMMENT ON COLUMN public.user_public_keys.key_id IS 'The client''s name of the key; the same name with other bytes is refused.';
COMMENT ON COLUMN public.user_public_keys.key_version IS 'Counts rotations, from 1.';
COMMENT ON COLUMN public.user_public_keys.public_key IS 'The key itself, raw bytes; cannot be changed.';
COMMENT ON COLUMN public.user_public_keys.signature IS 'By the identity key; required for a signed_prekey.';
COMMENT ON COLUMN public.user_public_keys.fingerprint IS 'SHA-256 of public_key, for people to compare.';
COMMENT ON COLUMN public.user_public_keys.status IS 'active, superseded, revoked or used (a one-time key taken).';
COMMENT ON COLUMN public.user_public_keys.activated_at IS 'From when it may be used.';
COMMENT ON COLUMN public.user_public_keys.expires_at IS 'Until when it may be used; null is no limit.';
COMMENT ON COLUMN public.user_public_keys.superseded_at IS 'When its successor took over.';
COMMENT ON COLUMN public.user_public_keys.revoked_at IS 'When it was withdrawn.';
COMMENT ON COLUMN public.user_public_keys.created_at IS 'When the key was uploaded.';
COMMENT ON COLUMN public.user_public_keys.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT user_public_keys_key_type_check ON public.user_public_keys IS 'The known uses of a key.';
COMMENT ON CONSTRAINT user_public_keys_key_version_check ON public.user_public_keys IS 'From 1.';
COMMENT ON CONSTRAINT user_public_keys_public_key_size_check ON public.user_public_keys IS '16 to 4096 bytes.';
COMMENT ON CONSTRAINT user_public_keys_signature_check ON public.user_public_keys IS 'A signed prekey is signed.';
COMMENT ON CONSTRAINT user_public_keys_status_check ON public.user_public_keys IS 'The states of a key.';
COMMENT ON CONSTRAINT user_public_keys_status_time_check ON public.user_public_keys IS 'A superseded or revoked key says when.';
CREATE TABLE public.users (
    id uuid DEFAULT chatschema.uuid7() NOT NULL,
    username text NOT NULL,
    email text,
    password_hash text,
    display_name text,
    avatar_url text,
    status text DEFAULT 'offline'::text NOT NULL,
    last_seen_at timestamp with time zone,
    account_state text DEFAULT 'active'::text NOT NULL,
    erased_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_account_state_check CHECK ((account_state = ANY (ARRAY['active'::text, 'suspended'::text, 'deactivated'::text, 'erased'::text]))),
    CONSTRAINT users_display_name_length_check CHECK (((length(display_name) >= 1) AND (length(display_name) <= 100))),
    CONSTRAINT users_email_format_check CHECK (((email = lower(email)) AND (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text) AND (length(email) <= 254))),
    CONSTRAINT users_erased_at_check CHECK (((account_state = 'erased'::text) = (erased_at IS NOT NULL))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['online'::text, 'away'::text, 'busy'::text, 'offline'::text]))),
    CONSTRAINT users_username_format_check CHECK (((username ~ '^[a-z0-9_.-]{3,32}$'::text) OR ((account_state = 'erased'::text) AND (username = ('deleted-'::text || (id)::text)))))
)
WITH (fillfactor='80');
COMMENT ON TABLE public.users IS 'Who can talk; one row a person, kept after erasure as a pseudonym.';
COMMENT ON COLUMN public.users.id IS 'UUIDv7.';
COMMENT ON COLUMN public.users.username IS 'Lower-case login name, never reused; deleted-<id> after erasure.';
COMMENT ON COLUMN public.users.email IS 'Lower-case address; null after erasure. Personal data.';
COMMENT ON COLUMN public.users.password_hash IS 'Hash of the password; null when the user signs in elsewhere. Secret.';
COMMENT ON COLUMN public.users.display_name IS 'Name shown to others, in the user''s own spelling. Personal data.';
COMMENT ON COLUMN public.users.avatar_url IS 'Where the picture is. Personal data.';
COMMENT ON COLUMN public.users.status IS 'Presence as last written: online, away, busy or offline. The live value is the cache''s.';
COMMENT ON COLUMN public.users.last_seen_at IS 'Last activity; write it at most once a minute.';
COMMENT ON COLUMN public.users.account_state IS 'active, suspended, deactivated or erased.';
COMMENT ON COLUMN public.users.erased_at IS 'When the personal data was removed; set exactly when account_state is erased.';
COMMENT ON COLUMN public.users.created_at IS 'When the account was made.';
COMMENT ON COLUMN public.users.updated_at IS 'Last change, kept by a trigger.';
COMMENT ON CONSTRAINT users_account_state_check ON public.users IS 'The states an account goes through.';
COMMENT ON CONSTRAINT users_display_name_length_check ON public.users IS '1 to 100 characters.';
COMMENT ON CONSTRAINT users_email_format_check ON public.users IS 'Lower-case, one @, at most 254 characters.';
COMMENT ON CONSTRAINT users_erased_at_check ON public.users IS 'erased_at is set exactly when the account is erased.';
COMMENT ON CONSTRAINT users_status_check ON public.users IS 'The presences the application knows.';
COMMENT ON CONSTRAINT users_username_format_check ON public.users IS '3 to 32 of a-z 0-9 _ . -, or deleted-<id> once erased.';
INSERT INTO chatschema._yoyo_log VALUES ('b6217f92-e9bb-11f1-b781-02fc00000001', 'a83ac62ebea83a9d8d82d7fb7cda00099fd9242cf495b6de7dd3683e745cecb4', '20241217000000_create_functions', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.900133');
INSERT INTO chatschema._yoyo_log VALUES ('b6227df2-e9bb-11f1-b781-02fc00000001', 'bfc9f57dbd26158bb9395867df287a426aab7307563b320b973ae37978c5220b', '20241217000001_create_users_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.906629');
INSERT INTO chatschema._yoyo_log VALUES ('b6237efa-e9bb-11f1-b781-02fc00000001', '49092631ec187f1f61b8fbfb1daeef2d3b5be0a483e00ed21e9e517e09cb91af', '20241217000002_create_auth_sessions_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.913208');
INSERT INTO chatschema._yoyo_log VALUES ('b6248674-e9bb-11f1-b781-02fc00000001', '0fc0c1c6cdfe175529fcb25e9ea941376f8e7c46821136ce55fd7a9c04bee839', '20241217000003_create_user_public_keys_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.91995');
INSERT INTO chatschema._yoyo_log VALUES ('b625f7ac-e9bb-11f1-b781-02fc00000001', '40418587e77ca9f482e87a03332ee900081bc01f4dbd4b25be72f8b669ed9d6c', '20241217000004_create_conversations_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.929398');
INSERT INTO chatschema._yoyo_log VALUES ('b62748be-e9bb-11f1-b781-02fc00000001', '4c00ff9aa126bbaa26a5a9b040b73bce93d4d21672c492d1b4c9888b045bd210', '20241217000005_create_conversation_participants_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.938024');
INSERT INTO chatschema._yoyo_log VALUES ('b628eb7e-e9bb-11f1-b781-02fc00000001', '12102d43b96551477852ed41a63332e85ca93e4b0788827c4af4c1c123d9ce0c', '20241217000006_create_messages_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.948744');
INSERT INTO chatschema._yoyo_log VALUES ('b629d444-e9bb-11f1-b781-02fc00000001', 'a1867c42df3af0ea26df33b5e93bd5e53e68043e18706a3be4f3524c559727f9', '20241217000007_create_message_statuses_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.954709');
INSERT INTO chatschema._yoyo_log VALUES ('b62b0594-e9bb-11f1-b781-02fc00000001', '8cf4e85ab6db18f39b0254534726fb79a154eb14b3609673ce85bdd6c053b3f4', '20241217000008_create_attachments_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.96252');
INSERT INTO chatschema._yoyo_log VALUES ('b62c19d4-e9bb-11f1-b781-02fc00000001', 'd6b3ab56c5f90a092ad87d8a180a4c539bd3db627fbee1e19ac20b67281a6db0', '20241217000009_create_audit_logs_table', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.96959');
INSERT INTO chatschema._yoyo_log VALUES ('b62d01f0-e9bb-11f1-b781-02fc00000001', '7636b14982e66567fb76c1618e6126a7f5982bea38f5a865d575cfb9316e01b2', '20261123000000_create_holds', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.975529');
INSERT INTO chatschema._yoyo_log VALUES ('b62dc7c0-e9bb-11f1-b781-02fc00000001', 'c507bab05a0553c83da58c2fc4051573042795aff7752d25b1b09342441953fb', '20261123000001_create_erasures', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.980593');
INSERT INTO chatschema._yoyo_log VALUES ('b62e8552-e9bb-11f1-b781-02fc00000001', '55a1332c3a83f6c4e543fd243f56aa6f0864cf836b6893cf25372b1028c8be32', '20261123000002_create_retired_months', 'apply', 'deploy', 'ci', NULL, '2026-11-26 17:06:24.985447');
INSERT INTO chatschema._yoyo_migration VALUES ('a83ac62ebea83a9d8d82d7fb7cda00099fd9242cf495b6de7dd3683e745cecb4', '20241217000000_create_functions', '2026-11-26 17:06:24.898934');
INSERT INTO chatschema._yoyo_migration VALUES ('bfc9f57dbd26158bb9395867df287a426aab7307563b320b973ae37978c5220b', '20241217000001_create_users_table', '2026-11-26 17:06:24.906213');
INSERT INTO chatschema._yoyo_migration VALUES ('49092631ec187f1f61b8fbfb1daeef2d3b5be0a483e00ed21e9e517e09cb91af', '20241217000002_create_auth_sessions_table', '2026-11-26 17:06:24.91284');
INSERT INTO chatschema._yoyo_migration VALUES ('0fc0c1c6cdfe175529fcb25e9ea941376f8e7c46821136ce55fd7a9c04bee839', '20241217000003_create_user_public_keys_table', '2026-11-26 17:06:24.919632');
INSERT INTO chatschema._yoyo_migration VALUES ('40418587e77ca9f482e87a03332ee900081bc01f4dbd4b25be72f8b669ed9d6c', '20241217000004_create_conversations_table', '2026-11-26 17:06:24.929061');
INSERT INTO chatschema._yoyo_migration VALUES ('4c00ff9aa126bbaa26a5a9b040b73bce93d4d21672c492d1b4c9888b045bd210', '20241217000005_create_conversation_participants_table', '2026-11-26 17:06:24.937725');
INSERT INTO chatschema._yoyo_migration VALUES ('12102d43b96551477852ed41a63332e85ca93e4b0788827c4af4c1c123d9ce0c', '20241217000006_create_messages_table', '2026-11-26 17:06:24.948456');
INSERT INTO chatschema._yoyo_migration VALUES ('a1867c42df3af0ea26df33b5e93bd5e53e68043e18706a3be4f3524c559727f9', '20241217000007_create_message_statuses_table', '2026-11-26 17:06:24.954406');
INSERT INTO chatschema._yoyo_migration VALUES ('8cf4e85ab6db18f39b0254534726fb79a154eb14b3609673ce85bdd6c053b3f4', '20241217000008_create_attachments_table', '2026-11-26 17:06:24.962247');
INSERT INTO chatschema._yoyo_migration VALUES ('d6b3ab56c5f90a092ad87d8a180a4c539bd3db627fbee1e19ac20b67281a6db0', '20241217000009_create_audit_logs_table', '2026-11-26 17:06:24.969294');
INSERT INTO chatschema._yoyo_migration VALUES ('7636b14982e66567fb76c1618e6126a7f5982bea38f5a865d575cfb9316e01b2', '20261123000000_create_holds', '2026-11-26 17:06:24.975216');
INSERT INTO chatschema._yoyo_migration VALUES ('c507bab05a0553c83da58c2fc4051573042795aff7752d25b1b09342441953fb', '20261123000001_create_erasures', '2026-11-26 17:06:24.980341');
INSERT INTO chatschema._yoyo_migration VALUES ('55a1332c3a83f6c4e543fd243f56aa6f0864cf836b6893cf25372b1028c8be32', '20261123000002_create_retired_months', '2026-11-26 17:06:24.985174');
INSERT INTO chatschema._yoyo_version VALUES (2, '2026-11-26 17:06:24.882233');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000000_create_functions', '40b6f3a433916f519c4acce0d02cb318223a4ff55edc041dbeb4b78777994d9d', 'applied', 1, '2026-11-26 17:06:24.901082+00', 6.8, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000001_create_users_table', '623609555925f24f7f1c106ef5e3b1e57e6b61fa0d15cde7784f70609fdc7ea2', 'applied', 2, '2026-11-26 17:06:24.906992+00', 5.2, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000002_create_auth_sessions_table', 'f247590bec69acd9bd6cab1856a14a07338eb12f60cf53fa46df2fee53c0595c', 'applied', 3, '2026-11-26 17:06:24.913584+00', 6, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000003_create_user_public_keys_table', '0d7b90b92de1c5d72c903d988ed326c43dbb6c95ea90609adc7b29e169a54a7c', 'applied', 4, '2026-11-26 17:06:24.920391+00', 6.2, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000004_create_conversations_table', '167f0be31493adbb6e9bce8625cc7064fe6a4d6ac4fa0ec27d93994ab26e740d', 'applied', 5, '2026-11-26 17:06:24.929756+00', 8.5, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000005_create_conversation_participants_table', '3d27b5c2c3f2ff61d91a393abb1b70baf7e53c6e0b909d81d232e1bc0d1531bd', 'applied', 6, '2026-11-26 17:06:24.938367+00', 8.1, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000006_create_messages_table', 'bafed1c20059b5da29ff94f8df3942e609531fcca0acc66616605cf2330bfaac', 'applied', 7, '2026-11-26 17:06:24.949091+00', 10.1, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000007_create_message_statuses_table', 'e0f721a193756f803197cbe94819ed03d046cef80d1cf81e57427180cd1beea9', 'applied', 8, '2026-11-26 17:06:24.955072+00', 5.2, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000008_create_attachments_table', 'f5bc8033172023242cf21a2dde4e29da55c2879f0d62768e6f116f32e8a04ecb', 'applied', 9, '2026-11-26 17:06:24.962852+00', 7.3, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20241217000009_create_audit_logs_table', '2dc8acf77442297a875e7bd8e1f10bfaadf8820bdca8806484bf9119e3987f65', 'applied', 10, '2026-11-26 17:06:24.969893+00', 6.5, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20261123000000_create_holds', '8b8b3d273c38cae00e24db867c00202f7758e6d78a75c865b2140c6a33e7bd6e', 'applied', 11, '2026-11-26 17:06:24.975971+00', 5.5, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20261123000001_create_erasures', '4502a88f04c381013e94f04a6499769211528cbb2c3d65364418fbe67a19fd81', 'applied', 12, '2026-11-26 17:06:24.980862+00', 4.2, '0.1.0');
INSERT INTO chatschema.migrations OVERRIDING SYSTEM VALUE VALUES ('20261123000002_create_retired_months', '259ff8b9f572d96f48c7186088df764c242d08e81be301dc34bbcd44193f1688', 'applied', 13, '2026-11-26 17:06:24.985743+00', 4.4, '0.1.0');
SELECT pg_catalog.setval('chatschema.erasures_id_seq', 1, false);
SELECT pg_catalog.setval('chatschema.holds_id_seq', 1, false);
SELECT pg_catalog.setval('chatschema.migrations_applied_order_seq', 13, true);
SELECT pg_catalog.setval('public.audit_logs_id_seq', 1, false);
ALTER TABLE ONLY chatschema._yoyo_log
    ADD CONSTRAINT _yoyo_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY chatschema._yoyo_migration
    ADD CONSTRAINT _yoyo_migration_pkey PRIMARY KEY (migration_hash);
ALTER TABLE ONLY chatschema._yoyo_version
    ADD CONSTRAINT _yoyo_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY chatschema.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT erasures_pkey ON chatschema.erasures IS 'One row an erasure.';
ALTER TABLE ONLY chatschema.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT holds_pkey ON chatschema.holds IS 'One row a hold.';
ALTER TABLE ONLY chatschema.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (migration_id);
ALTER TABLE ONLY chatschema.protection
    ADD CONSTRAINT protection_pkey PRIMARY KEY (is_protected);
ALTER TABLE ONLY chatschema.released_attachments
    ADD CONSTRAINT released_attachments_pkey PRIMARY KEY (attachment_id);
COMMENT ON CONSTRAINT released_attachments_pkey ON chatschema.released_attachments IS 'One row an attachment.';
ALTER TABLE ONLY chatschema.retired_months
    ADD CONSTRAINT retired_months_pkey PRIMARY KEY (month);
COMMENT ON CONSTRAINT retired_months_pkey ON chatschema.retired_months IS 'One row a month.';
ALTER TABLE ONLY chatschema.seeded_rows
    ADD CONSTRAINT seeded_rows_pkey PRIMARY KEY (table_name, key);
ALTER TABLE ONLY chatschema.seeds
    ADD CONSTRAINT seeds_pkey PRIMARY KEY (name);
ALTER TABLE ONLY chatschema.yoyo_lock
    ADD CONSTRAINT yoyo_lock_pkey PRIMARY KEY (locked);
ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_message_id_key UNIQUE (message_id);
COMMENT ON CONSTRAINT attachments_message_id_key ON public.attachments IS 'At most one attachment a message.';
ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT attachments_pkey ON public.attachments IS 'One row a file.';
ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_storage_key UNIQUE (storage_provider, storage_key);
COMMENT ON CONSTRAINT attachments_storage_key ON public.attachments IS 'One row a stored object, so collecting it is safe.';
ALTER TABLE ONLY public.audit_logs
    ADD CONSTRAINT audit_logs_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT audit_logs_pkey ON public.audit_logs IS 'One row an event.';
ALTER TABLE ONLY public.auth_sessions
    ADD CONSTRAINT auth_sessions_parent_id_key UNIQUE (parent_id);
COMMENT ON CONSTRAINT auth_sessions_parent_id_key ON public.auth_sessions IS 'A token has one child: two refreshes racing cannot both win.';
ALTER TABLE ONLY public.auth_sessions
    ADD CONSTRAINT auth_sessions_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT auth_sessions_pkey ON public.auth_sessions IS 'One row a token.';
ALTER TABLE ONLY public.conversation_participants
    ADD CONSTRAINT conversation_participants_pkey PRIMARY KEY (conversation_id, user_id);
COMMENT ON CONSTRAINT conversation_participants_pkey ON public.conversation_participants IS 'A user takes part once.';
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_direct_pair_key UNIQUE (direct_user_low, direct_user_high);
COMMENT ON CONSTRAINT conversations_direct_pair_key ON public.conversations IS 'One direct conversation a pair of users.';
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT conversations_pkey ON public.conversations IS 'One row a conversation.';
ALTER TABLE ONLY public.message_statuses
    ADD CONSTRAINT message_statuses_pkey PRIMARY KEY (message_id, user_id);
COMMENT ON CONSTRAINT message_statuses_pkey ON public.message_statuses IS 'One row a message and reader: the target of the upsert.';
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_conversation_id_id_key UNIQUE (conversation_id, id);
COMMENT ON CONSTRAINT messages_conversation_id_id_key ON public.messages IS 'The key that replies, statuses and attachments refer to.';
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT messages_pkey ON public.messages IS 'One row a message, over all months.';
ALTER TABLE ONLY public.user_public_keys
    ADD CONSTRAINT user_public_keys_key_id_key UNIQUE NULLS NOT DISTINCT (user_id, device_id, key_type, key_id);
COMMENT ON CONSTRAINT user_public_keys_key_id_key ON public.user_public_keys IS 'A key''s name is used once a user, device and type.';
ALTER TABLE ONLY public.user_public_keys
    ADD CONSTRAINT user_public_keys_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT user_public_keys_pkey ON public.user_public_keys IS 'One row a key.';
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);
COMMENT ON CONSTRAINT users_email_key ON public.users IS 'An address belongs to one user.';
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
COMMENT ON CONSTRAINT users_pkey ON public.users IS 'One row a user.';
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);
COMMENT ON CONSTRAINT users_username_key ON public.users IS 'A name belongs to one user.';
COMMENT ON INDEX chatschema.erasures_pkey IS 'Look-up by id.';
COMMENT ON INDEX chatschema.holds_pkey IS 'Look-up by id.';
CREATE INDEX idx_erasures_subject ON chatschema.erasures USING btree (subject_type, subject_id);
COMMENT ON INDEX chatschema.idx_erasures_subject IS 'Whether a message is among them, when a month comes back.';
CREATE INDEX idx_holds_active ON chatschema.holds USING btree (conversation_id, user_id) WHERE (released_at IS NULL);
COMMENT ON INDEX chatschema.idx_holds_active IS 'What holds now, for retention.';
CREATE INDEX idx_released_attachments_message_id ON chatschema.released_attachments USING btree (message_id);
COMMENT ON INDEX chatschema.idx_released_attachments_message_id IS 'The attachments of a month that comes back.';
CREATE INDEX idx_seeded_rows_seed ON chatschema.seeded_rows USING btree (seed);
COMMENT ON INDEX chatschema.released_attachments_pkey IS 'Look-up by attachment.';
COMMENT ON INDEX chatschema.retired_months_pkey IS 'Look-up by month.';
COMMENT ON INDEX public.attachments_message_id_key IS 'The attachment of a message; deleting a message.';
COMMENT ON INDEX public.attachments_pkey IS 'Look-up by id.';
COMMENT ON INDEX public.attachments_storage_key IS 'From a stored object to its row, for the collector.';
COMMENT ON INDEX public.audit_logs_pkey IS 'Look-up by id.';
CREATE UNIQUE INDEX auth_sessions_family_id_live_key ON public.auth_sessions USING btree (family_id) WHERE ((rotated_at IS NULL) AND (revoked_at IS NULL));
COMMENT ON INDEX public.auth_sessions_family_id_live_key IS 'One live token a family; also finds the token to revoke.';
COMMENT ON INDEX public.auth_sessions_parent_id_key IS 'Detects a second child; serves the chain.';
COMMENT ON INDEX public.auth_sessions_pkey IS 'Refresh: where id = the token''s first half.';
COMMENT ON INDEX public.conversation_participants_pkey IS 'Members of a conversation; is this user a member.';
COMMENT ON INDEX public.conversations_direct_pair_key IS 'Open or create the direct conversation of two users.';
COMMENT ON INDEX public.conversations_pkey IS 'Look-up by id.';
CREATE INDEX idx_attachments_conversation_created_at ON public.attachments USING btree (conversation_id, created_at);
COMMENT ON INDEX public.idx_attachments_conversation_created_at IS 'Files of a conversation by time; deleting a conversation.';
CREATE INDEX idx_attachments_unattached_created_at ON public.attachments USING btree (created_at) WHERE ((message_id IS NULL) AND (state <> 'deleted'::text));
COMMENT ON INDEX public.idx_attachments_unattached_created_at IS 'Uploads never sent and files whose message is gone, for the collector.';
CREATE INDEX idx_attachments_uploader_id ON public.attachments USING btree (uploader_id);
COMMENT ON INDEX public.idx_attachments_uploader_id IS 'Files of a user, for export and erasure; deleting a user.';
CREATE INDEX idx_audit_logs_created_at ON public.audit_logs USING brin (created_at);
COMMENT ON INDEX public.idx_audit_logs_created_at IS 'A span of time, over a table that grows in its order.';
CREATE INDEX idx_audit_logs_resource_created_at ON public.audit_logs USING btree (resource_type, resource_id, created_at);
COMMENT ON INDEX public.idx_audit_logs_resource_created_at IS 'What happened to a thing, by time.';
CREATE INDEX idx_audit_logs_txid ON public.audit_logs USING btree (txid, id);
COMMENT ON INDEX public.idx_audit_logs_txid IS 'The rows between two seals.';
CREATE INDEX idx_audit_logs_user_id_created_at ON public.audit_logs USING btree (user_id, created_at);
COMMENT ON INDEX public.idx_audit_logs_user_id_created_at IS 'What a user did, by time.';
CREATE INDEX idx_auth_sessions_expires_at ON public.auth_sessions USING btree (expires_at);
COMMENT ON INDEX public.idx_auth_sessions_expires_at IS 'The purge of expired tokens.';
CREATE INDEX idx_auth_sessions_user_id ON public.auth_sessions USING btree (user_id, created_at);
COMMENT ON INDEX public.idx_auth_sessions_user_id IS 'My devices, newest first; deleting a user.';
CREATE INDEX idx_conversation_participants_public_key_id ON public.conversation_participants USING btree (public_key_id);
COMMENT ON INDEX public.idx_conversation_participants_public_key_id IS 'What to wrap anew when a key is rotated; deleting a key.';
CREATE INDEX idx_conversation_participants_user_id ON public.conversation_participants USING btree (user_id, conversation_id);
COMMENT ON INDEX public.idx_conversation_participants_user_id IS 'My conversations; deleting a user.';
CREATE INDEX idx_conversations_created_by ON public.conversations USING btree (created_by);
COMMENT ON INDEX public.idx_conversations_created_by IS 'Conversations a user started; deleting a user.';
CREATE INDEX idx_conversations_direct_user_high ON public.conversations USING btree (direct_user_high) WHERE (direct_user_high IS NOT NULL);
COMMENT ON INDEX public.idx_conversations_direct_user_high IS 'Direct conversations of a user, the other half; deleting a user.';
CREATE INDEX idx_message_statuses_user_status_time ON ONLY public.message_statuses USING btree (user_id, status, created_at);
COMMENT ON INDEX public.idx_message_statuses_user_status_time IS 'What a user has in a state, by time; deleting a user.';
CREATE INDEX idx_messages_conversation_created_at ON ONLY public.messages USING btree (conversation_id, created_at);
COMMENT ON INDEX public.idx_messages_conversation_created_at IS 'Newest of a conversation: where conversation_id = $1 order by created_at desc limit 50, deleted or not.';
CREATE INDEX idx_messages_expires_at ON ONLY public.messages USING btree (expires_at) WHERE (expires_at IS NOT NULL);
COMMENT ON INDEX public.idx_messages_expires_at IS 'The purge of disappearing messages.';
CREATE INDEX idx_messages_reply_to_id ON ONLY public.messages USING btree (reply_to_id) WHERE (reply_to_id IS NOT NULL);
COMMENT ON INDEX public.idx_messages_reply_to_id IS 'Answers to a message; deleting a message.';
CREATE INDEX idx_messages_sender_id ON ONLY public.messages USING btree (sender_id, id);
COMMENT ON INDEX public.idx_messages_sender_id IS 'Export and erasure of a user''s messages; deleting a user.';
COMMENT ON INDEX public.message_statuses_pkey IS 'Upsert on (message_id, user_id); receipts of a message; deleting a message.';
COMMENT ON INDEX public.messages_conversation_id_id_key IS 'Paging and unread: where conversation_id = $1 and id < $2 order by id desc limit 50.';
COMMENT ON INDEX public.messages_pkey IS 'Look-up by id: where id = $1 touches one month.';
CREATE UNIQUE INDEX user_public_keys_active_key ON public.user_public_keys USING btree (user_id, device_id, key_type) NULLS NOT DISTINCT WHERE ((status = 'active'::text) AND (key_type <> 'one_time_prekey'::text));
COMMENT ON INDEX public.user_public_keys_active_key IS 'The active key of a user, device and type: at most one.';
COMMENT ON INDEX public.user_public_keys_key_id_key IS 'Look-up by the client''s name; deleting a user.';
COMMENT ON INDEX public.user_public_keys_pkey IS 'Look-up by id; the target of participants'' wrapped keys.';
COMMENT ON INDEX public.users_email_key IS 'Sign-in and invitation: where email = $1.';
COMMENT ON INDEX public.users_pkey IS 'Look-up by id; the target of every reference to a user.';
COMMENT ON INDEX public.users_username_key IS 'Sign-in and mention: where username = $1.';
CREATE TRIGGER holds_refuse_change BEFORE DELETE OR UPDATE ON chatschema.holds FOR EACH ROW EXECUTE FUNCTION chatschema.refuse_hold_change();
COMMENT ON TRIGGER holds_refuse_change ON chatschema.holds IS 'A hold is placed and released, nothing else.';
CREATE TRIGGER attachments_require_changed_message AFTER UPDATE OF message_id, conversation_id ON public.attachments FOR EACH ROW WHEN (((new.message_id IS NOT NULL) AND ((new.message_id IS DISTINCT FROM old.message_id) OR (new.conversation_id <> old.conversation_id)))) EXECUTE FUNCTION chatschema.require_message('message_id');
COMMENT ON TRIGGER attachments_require_changed_message ON public.attachments IS 'The message is there, in the conversation named, also when changed.';
CREATE TRIGGER attachments_require_message AFTER INSERT ON public.attachments FOR EACH ROW WHEN ((new.message_id IS NOT NULL)) EXECUTE FUNCTION chatschema.require_message('message_id');
COMMENT ON TRIGGER attachments_require_message ON public.attachments IS 'The message is there, in the conversation named.';
CREATE TRIGGER attachments_set_conversation_id BEFORE INSERT ON public.attachments FOR EACH ROW EXECUTE FUNCTION chatschema.set_conversation_id_from_message();
COMMENT ON TRIGGER attachments_set_conversation_id ON public.attachments IS 'Fills conversation_id.';
CREATE TRIGGER attachments_set_updated_at BEFORE UPDATE ON public.attachments FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER attachments_set_updated_at ON public.attachments IS 'Keeps updated_at.';
CREATE TRIGGER audit_logs_refuse_change BEFORE DELETE OR UPDATE ON public.audit_logs FOR EACH ROW EXECUTE FUNCTION chatschema.refuse_audit_change();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_refuse_change;
COMMENT ON TRIGGER audit_logs_refuse_change ON public.audit_logs IS 'Append-only: no update, no delete.';
CREATE TRIGGER audit_logs_refuse_truncate BEFORE TRUNCATE ON public.audit_logs FOR EACH STATEMENT EXECUTE FUNCTION chatschema.refuse_audit_change();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_refuse_truncate;
COMMENT ON TRIGGER audit_logs_refuse_truncate ON public.audit_logs IS 'Append-only: no truncate, not even by cascade.';
CREATE TRIGGER audit_logs_stamp BEFORE INSERT ON public.audit_logs FOR EACH ROW EXECUTE FUNCTION chatschema.stamp_audit_log();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_stamp;
COMMENT ON TRIGGER audit_logs_stamp ON public.audit_logs IS 'Sets what the writer must not choose.';
CREATE TRIGGER auth_sessions_set_updated_at BEFORE UPDATE ON public.auth_sessions FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER auth_sessions_set_updated_at ON public.auth_sessions IS 'Keeps updated_at.';
CREATE TRIGGER conversation_participants_set_updated_at BEFORE UPDATE ON public.conversation_participants FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER conversation_participants_set_updated_at ON public.conversation_participants IS 'Keeps updated_at.';
CREATE TRIGGER conversations_set_updated_at BEFORE UPDATE ON public.conversations FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER conversations_set_updated_at ON public.conversations IS 'Keeps updated_at.';
CREATE TRIGGER message_statuses_keep_status_monotonic BEFORE INSERT OR UPDATE ON public.message_statuses FOR EACH ROW EXECUTE FUNCTION chatschema.keep_status_monotonic();
COMMENT ON TRIGGER message_statuses_keep_status_monotonic ON public.message_statuses IS 'A late or repeated report never lowers the status or erases a time.';
CREATE TRIGGER message_statuses_require_changed_message AFTER UPDATE OF message_id, conversation_id ON public.message_statuses FOR EACH ROW WHEN (((new.message_id <> old.message_id) OR (new.conversation_id <> old.conversation_id))) EXECUTE FUNCTION chatschema.require_message('message_id');
COMMENT ON TRIGGER message_statuses_require_changed_message ON public.message_statuses IS 'The message is there, in the conversation named, also when changed.';
CREATE TRIGGER message_statuses_require_message AFTER INSERT ON public.message_statuses FOR EACH ROW EXECUTE FUNCTION chatschema.require_message('message_id');
COMMENT ON TRIGGER message_statuses_require_message ON public.message_statuses IS 'The message is there, in the conversation named.';
CREATE TRIGGER message_statuses_set_conversation_id BEFORE INSERT ON public.message_statuses FOR EACH ROW EXECUTE FUNCTION chatschema.set_conversation_id_from_message();
COMMENT ON TRIGGER message_statuses_set_conversation_id ON public.message_statuses IS 'Fills conversation_id.';
CREATE TRIGGER message_statuses_set_updated_at BEFORE UPDATE ON public.message_statuses FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER message_statuses_set_updated_at ON public.message_statuses IS 'Keeps updated_at.';
CREATE TRIGGER messages_delete_statuses AFTER DELETE ON public.messages FOR EACH ROW EXECUTE FUNCTION chatschema.delete_statuses();
COMMENT ON TRIGGER messages_delete_statuses ON public.messages IS 'Statuses go with their message.';
CREATE TRIGGER messages_keep_identity BEFORE UPDATE OF id, conversation_id ON public.messages FOR EACH ROW WHEN (((new.id <> old.id) OR (new.conversation_id <> old.conversation_id))) EXECUTE FUNCTION chatschema.keep_message_identity();
COMMENT ON TRIGGER messages_keep_identity ON public.messages IS 'Refuses a change of id or conversation_id.';
CREATE TRIGGER messages_release_attachment AFTER DELETE ON public.messages FOR EACH ROW EXECUTE FUNCTION chatschema.release_attachment();
COMMENT ON TRIGGER messages_release_attachment ON public.messages IS 'The pointer to a file outlives its message.';
CREATE TRIGGER messages_require_changed_reply AFTER UPDATE OF reply_to_id ON public.messages FOR EACH ROW WHEN (((new.reply_to_id IS NOT NULL) AND (new.reply_to_id IS DISTINCT FROM old.reply_to_id))) EXECUTE FUNCTION chatschema.require_message('reply_to_id');
COMMENT ON TRIGGER messages_require_changed_reply ON public.messages IS 'A reply answers a message of its own conversation, also when changed.';
CREATE TRIGGER messages_require_reply AFTER INSERT ON public.messages FOR EACH ROW WHEN ((new.reply_to_id IS NOT NULL)) EXECUTE FUNCTION chatschema.require_message('reply_to_id');
COMMENT ON TRIGGER messages_require_reply ON public.messages IS 'A reply answers a message of its own conversation.';
CREATE TRIGGER messages_set_created_at_from_id BEFORE INSERT OR UPDATE OF id, created_at ON public.messages FOR EACH ROW EXECUTE FUNCTION chatschema.set_created_at_from_id();
COMMENT ON TRIGGER messages_set_created_at_from_id ON public.messages IS 'Keeps created_at equal to the time in the id.';
CREATE TRIGGER messages_set_updated_at BEFORE UPDATE ON public.messages FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER messages_set_updated_at ON public.messages IS 'Keeps updated_at.';
CREATE TRIGGER messages_unlink_replies AFTER DELETE ON public.messages FOR EACH ROW EXECUTE FUNCTION chatschema.unlink_replies();
COMMENT ON TRIGGER messages_unlink_replies ON public.messages IS 'A reply outlives what it answers.';
CREATE TRIGGER user_public_keys_keep_public_key BEFORE UPDATE OF public_key, user_id, device_id, key_type, algorithm, key_id ON public.user_public_keys FOR EACH ROW EXECUTE FUNCTION chatschema.keep_public_key();
COMMENT ON TRIGGER user_public_keys_keep_public_key ON public.user_public_keys IS 'A key''s bytes and identity cannot be changed.';
CREATE TRIGGER user_public_keys_set_updated_at BEFORE UPDATE ON public.user_public_keys FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER user_public_keys_set_updated_at ON public.user_public_keys IS 'Keeps updated_at.';
CREATE TRIGGER users_record_erasure AFTER UPDATE OF erased_at ON public.users FOR EACH ROW WHEN (((old.erased_at IS NULL) AND (new.erased_at IS NOT NULL))) EXECUTE FUNCTION chatschema.record_erasure();
COMMENT ON TRIGGER users_record_erasure ON public.users IS 'Records that a user was erased.';
CREATE TRIGGER users_set_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION chatschema.set_updated_at();
COMMENT ON TRIGGER users_set_updated_at ON public.users IS 'Keeps updated_at.';
ALTER TABLE ONLY chatschema.seeded_rows
    ADD CONSTRAINT seeded_rows_seed_fkey FOREIGN KEY (seed) REFERENCES chatschema.seeds(name) ON DELETE CASCADE;
ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT attachments_conversation_id_fkey ON public.attachments IS 'Files are collected before their conversation is deleted.';
ALTER TABLE ONLY public.attachments
    ADD CONSTRAINT attachments_uploader_id_fkey FOREIGN KEY (uploader_id) REFERENCES public.users(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT attachments_uploader_id_fkey ON public.attachments IS 'Users are erased by pseudonym, not deleted.';
ALTER TABLE ONLY public.auth_sessions
    ADD CONSTRAINT auth_sessions_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.auth_sessions(id) ON DELETE SET NULL;
COMMENT ON CONSTRAINT auth_sessions_parent_id_fkey ON public.auth_sessions IS 'The chain of a family; purging an old token only cuts it.';
ALTER TABLE ONLY public.auth_sessions
    ADD CONSTRAINT auth_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
COMMENT ON CONSTRAINT auth_sessions_user_id_fkey ON public.auth_sessions IS 'Tokens go with their user.';
ALTER TABLE ONLY public.conversation_participants
    ADD CONSTRAINT conversation_participants_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT conversation_participants_conversation_id_fkey ON public.conversation_participants IS 'A conversation is emptied in batches before it is deleted.';
ALTER TABLE ONLY public.conversation_participants
    ADD CONSTRAINT conversation_participants_public_key_id_fkey FOREIGN KEY (public_key_id) REFERENCES public.user_public_keys(id) ON DELETE SET NULL;
COMMENT ON CONSTRAINT conversation_participants_public_key_id_fkey ON public.conversation_participants IS 'Deleting a key leaves the membership.';
ALTER TABLE ONLY public.conversation_participants
    ADD CONSTRAINT conversation_participants_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT conversation_participants_user_id_fkey ON public.conversation_participants IS 'Users are erased by pseudonym, not deleted while they take part.';
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE SET NULL;
COMMENT ON CONSTRAINT conversations_created_by_fkey ON public.conversations IS 'A conversation outlives its founder.';
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_direct_user_high_fkey FOREIGN KEY (direct_user_high) REFERENCES public.users(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT conversations_direct_user_high_fkey ON public.conversations IS 'Users are erased by pseudonym, not deleted while they take part.';
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_direct_user_low_fkey FOREIGN KEY (direct_user_low) REFERENCES public.users(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT conversations_direct_user_low_fkey ON public.conversations IS 'Users are erased by pseudonym, not deleted while they take part.';
ALTER TABLE public.message_statuses
    ADD CONSTRAINT message_statuses_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT message_statuses_user_id_fkey ON public.message_statuses IS 'Users are erased by pseudonym, not deleted.';
ALTER TABLE public.messages
    ADD CONSTRAINT messages_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT messages_conversation_id_fkey ON public.messages IS 'A conversation is emptied in batches before it is deleted.';
ALTER TABLE public.messages
    ADD CONSTRAINT messages_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.users(id) ON DELETE RESTRICT;
COMMENT ON CONSTRAINT messages_sender_id_fkey ON public.messages IS 'Users are erased by pseudonym, not deleted while their messages stand.';
ALTER TABLE ONLY public.user_public_keys
    ADD CONSTRAINT user_public_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
COMMENT ON CONSTRAINT user_public_keys_user_id_fkey ON public.user_public_keys IS 'Keys go with their user.';
GRANT USAGE ON SCHEMA chatschema TO PUBLIC;
REVOKE ALL ON FUNCTION chatschema.delete_statuses() FROM PUBLIC;
REVOKE ALL ON FUNCTION chatschema.record_erasure() FROM PUBLIC;
REVOKE ALL ON FUNCTION chatschema.release_attachment() FROM PUBLIC;
REVOKE ALL ON FUNCTION chatschema.require_message() FROM PUBLIC;
REVOKE ALL ON FUNCTION chatschema.unlink_replies() FROM PUBLIC;
GRANT SELECT ON TABLE chatschema._yoyo_migration TO PUBLIC;
GRANT SELECT ON TABLE chatschema.migrations TO PUBLIC;
GRANT SELECT ON TABLE chatschema.protection TO PUBLIC;
GRANT SELECT ON TABLE chatschema.retired_months TO PUBLIC;
GRANT SELECT ON TABLE chatschema.seeds TO PUBLIC;
