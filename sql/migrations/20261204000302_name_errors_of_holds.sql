-- functions: errors about legal holds have the name of their trigger as constraint, and the table they are about.
-- Why: an application tells errors apart by SQLSTATE and constraint; a message is text for people, and a month's name changes.
-- Risk: functions only, whose rules do not change; no lock on data.
create or replace function chatschema.has_active_hold() returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Conflicts only with the lock of before_hold(). It is a weak lock, which needs no shared memory.
    lock table chatschema.holds in row share mode;
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        -- The snapshot may be older than the newest hold. Then this row was changed later, and locking it fails with 40001.
        perform from chatschema.last_hold for share;
        if not found then
            raise exception 'the snapshot is older than the record of holds'
                using errcode = 'serialization_failure', constraint = 'has_active_hold_snapshot', schema = 'chatschema', table = 'holds',
                hint = 'Repeat the transaction.';
        end if;
    end if;
    return exists (select from chatschema.holds as h where h.released_at is null);
end
$$;

create or replace function chatschema.before_hold() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception 'a hold cannot be placed in a % transaction', current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', constraint = tg_name, schema = 'chatschema', table = 'holds',
            hint = 'Begin with: begin isolation level read committed; or use chatschema hold add.';
    end if;
    -- Waits for the transactions that changed messages, or joined a conversation, and cannot see this hold.
    lock table chatschema.holds in exclusive mode;
    insert into chatschema.last_hold (placed_at) values (clock_timestamp())
    on conflict (is_only_row) do update set placed_at = excluded.placed_at;
    return null;
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
        using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'chatschema', table = 'holds',
        hint = 'Release it and add a new one: chatschema hold release, chatschema hold add.';
end
$$;

create or replace function chatschema.refuse_hold_scope_change() returns trigger
    language plpgsql
as $$
begin
    raise exception '% of % is refused: the history of holds is evidence', lower(tg_op), tg_relid::regclass
        using errcode = 'insufficient_privilege', constraint = tg_name, schema = tg_table_schema, table = tg_table_name,
        hint = 'Release a hold: chatschema hold release.';
end
$$;

create or replace function chatschema.refuse_truncate_of_held() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.has_active_hold() then
        raise exception 'truncate of % is refused while a hold is active', tg_relid::regclass
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = chatschema.table_of(tg_relid),
            hint = 'List the holds: chatschema hold list.';
    end if;
    return null;
end
$$;

create or replace function chatschema.refuse_delete_of_held_statuses() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    held uuid;
begin
    if not exists (select from gone) then
        return null;
    end if;
    if not chatschema.has_active_hold() then
        return null;
    end if;
    -- If the statuses are deleted with their message, the message is not found, and it was not held.
    execute format($query$
        select m.id from gone as g join public.messages as m on m.id = g.message_id
        where m.id between %L and %L and chatschema.is_held(m.conversation_id, m.sender_id, m.id) limit 1
    $query$, (select g.message_id from gone as g order by g.message_id limit 1),
        (select g.message_id from gone as g order by g.message_id desc limit 1)) into held;
    if held is not null then
        raise exception 'a status of message %, which is under a hold, cannot be deleted', held
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'message_statuses',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return null;
end
$$;

create or replace function chatschema.keep_held_content() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    old_length constant integer := jsonb_array_length(old.edit_history);
    kept jsonb;
    appended jsonb;
begin
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    if not chatschema.is_held(old.conversation_id, old.sender_id, old.id) then
        return new;
    end if;
    if new.sender_id is not distinct from old.sender_id and new.is_deleted
        and (new.content_encrypted is null or jsonb_array_length(new.edit_history) < old_length)
    then
        -- A tombstone does not reveal the hold. The content is erased when the hold is released.
        insert into chatschema.deferred_erasures (message_id, origin) values (old.id, 'tombstone') on conflict do nothing;
        new.content_encrypted := old.content_encrypted;
        new.content_nonce := old.content_nonce;
        new.content_algorithm := old.content_algorithm;
        new.key_version := old.key_version;
        new.sender_key_id := old.sender_key_id;
        new.edit_history := old.edit_history;
        return new;
    end if;
    -- An edit that keeps the earlier history and appends the previous version loses nothing.
    select coalesce(jsonb_agg(e.entry order by e.n) filter (where e.n <= old_length), '[]'),
        coalesce(jsonb_agg(e.entry order by e.n) filter (where e.n > old_length), '[]')
        into kept, appended
    from jsonb_array_elements(new.edit_history) with ordinality as e (entry, n);
    if new.sender_id is not distinct from old.sender_id and kept = old.edit_history and chatschema.keeps_version(
        appended,
        case when new.content_encrypted is distinct from old.content_encrypted then old.content_encrypted end,
        case when new.content_nonce is distinct from old.content_nonce then old.content_nonce end,
        case when new.content_algorithm is distinct from old.content_algorithm then old.content_algorithm end,
        case when new.key_version is distinct from old.key_version then old.key_version end,
        case when new.sender_key_id is distinct from old.sender_key_id then old.sender_key_id end
    ) then
        return new;
    end if;
    raise exception 'message % is under a hold: its content, edit history and sender cannot be changed', old.id
        using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'messages',
        hint = 'Append the previous version to edit_history in the same update: content and nonce in base64, algorithm, key_version and sender_key_id if they change.';
end
$$;

create or replace function chatschema.keep_held_reactions() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    if exists (
        select from public.messages as m
        where m.id = old.message_id and chatschema.is_held(m.conversation_id, m.sender_id, m.id)
    ) then
        raise exception 'message % is under a hold: its reactions cannot be removed', old.message_id
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'reactions',
            hint = 'Reactions may be added.';
    end if;
    return new;
end
$$;

create or replace function chatschema.keep_held_file() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    month_start constant timestamptz := date_trunc('month', chatschema.uuid7_time(old.message_id), 'UTC');
    kept constant text := to_char(month_start at time zone 'UTC', '"messages_y"YYYY"m"MM"_held"');
    sender uuid;
    is_kept boolean := false;
begin
    if not chatschema.has_active_hold() then
        return case when tg_op = 'DELETE' then old else new end;
    end if;
    select m.sender_id into sender from public.messages as m where m.id = old.message_id;
    if not found and tg_op = 'UPDATE' and new.message_id is null
        and to_jsonb(new) - '{message_id,updated_at}'::text[] = to_jsonb(old) - '{message_id,updated_at}'::text[]
        and exists (select from chatschema.retired_months as r where r.month = month_start and r.state = 'dropped')
    then
        -- The attachments of a dropped month are released, except those whose message a hold kept in a separate table.
        if to_regclass('chat_partitions.' || kept) is not null then
            execute format('select exists (select from chat_partitions.%I where id = $1)', kept) into is_kept using old.message_id;
        end if;
        if not is_kept then
            return new;
        end if;
    end if;
    if chatschema.is_held(old.conversation_id, coalesce(sender, old.uploader_id), old.message_id) then
        raise exception 'attachment % belongs to a message under a hold and cannot be changed', old.id
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'attachments',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
