-- events: the functions that read them, from a cursor that skips no event and repeats none.
-- Why: ids are given out before a transaction commits, so reading on from the highest id skips what commits later.
-- Risk: new functions only; takes no lock on existing data.
create function chatschema.event_origin() returns text
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
begin
    if pg_catalog.pg_is_in_recovery() then
        raise exception 'events cannot be read on a standby: it does not know which transactions are still running'
            using errcode = 'OBX01', hint = 'Read them from the primary.', schema = 'chatschema', table = 'events', constraint = 'events_primary_only';
    end if;
    -- The number of the table, too: a restore into the same server makes another one.
    return concat_ws(
        '/', (select c.system_identifier from pg_catalog.pg_control_system() as c),
        substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8), 'chatschema.events'::regclass::oid
    );
end
$$;
comment on function chatschema.event_origin() is
    'What cursors of events are good for: system identifier and timeline of the server, and number of the table. Refused on a standby with SQLSTATE OBX01.';
revoke execute on function chatschema.event_origin() from public;

create function chatschema.event_snapshot() returns pg_snapshot
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
declare
    seen constant pg_snapshot := pg_current_snapshot();
    own constant xid8 := pg_current_xact_id_if_assigned();
begin
    -- A snapshot leaves its own transaction out, and so would call it committed once a later one has committed.
    if own is null or own >= pg_snapshot_xmax(seen) then
        return seen;
    end if;
    return format('%s:%s:%s', least(pg_snapshot_xmin(seen), own), pg_snapshot_xmax(seen), (
        select string_agg(r.xid::text, ',' order by r.xid) from (select pg_snapshot_xip(seen) union select own) as r (xid)
    ));
end
$$;
comment on function chatschema.event_snapshot() is 'The current snapshot, in which the own transaction counts as still running.';
revoke execute on function chatschema.event_snapshot() from public;

-- Rows of another server, after a dump and a restore, may have transaction ids ahead of this one's. A row of this server that can be
-- seen is committed, and so below the end of the snapshot; what is above it and can be seen is restored, and so is every lower number.
create function chatschema.new_event_cursor(seen pg_snapshot) returns text
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
declare
    upto constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
    return concat_ws(
        ';', '1', chatschema.event_origin(), new_event_cursor.seen, new_event_cursor.seen, 0, upto, (
            select coalesce(max(e.id), 0) from chatschema.events as e
            where e.xid >= upto and e.xid is distinct from pg_current_xact_id_if_assigned()
        )
    );
end
$$;
comment on function chatschema.new_event_cursor(pg_snapshot) is 'A cursor in front of what this snapshot did not see.';
revoke execute on function chatschema.new_event_cursor(pg_snapshot) from public;

create function chatschema.events_now() returns text
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    return chatschema.new_event_cursor(chatschema.event_snapshot());
end
$$;
comment on function chatschema.events_now() is
    'A cursor behind all events so far, for chatschema.events_after(): for a reader that begins with empty caches.';
revoke execute on function chatschema.events_now() from public;

create function chatschema.events_after(after text, "limit" integer default 100)
    returns table (
        cursor text, id bigint, recorded_at timestamptz, kind text, table_name text, row_id uuid, row_number bigint, conversation_id uuid, user_id uuid,
        first_id uuid, last_id uuid, row_count bigint
    )
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    -- In the order of their numbers, page after page: sorting all that one transaction wrote takes much longer.
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    origin constant text := chatschema.event_origin();
    now pg_snapshot;
    size constant integer := least(greatest(coalesce("limit", 100), 1), 10000);
    given constant text := coalesce(nullif(events_after.after, ''), chatschema.new_event_cursor('1:1:'));
    parts text[];
    was pg_snapshot;
    upto pg_snapshot;
    last bigint;
    start_xid xid8;
    start_id bigint;
    dropped record;
begin
    -- No month goes while this reads, and what is read next sees those that have gone: volatile, so each statement has its own snapshot.
    lock table chatschema.events in access share mode;
    now := chatschema.event_snapshot();
    parts := regexp_match(given, '^1;(\d+/[0-9A-F]{8}/\d+);(\d+:\d+:[\d,]*);(\d+:\d+:[\d,]*);(\d+);(\d+);(\d+)$');
    if parts is null then
        raise exception 'this is not a cursor of chatschema.events_after()'
            using errcode = 'invalid_parameter_value',
                hint = 'Pass the column cursor of the last event that was handled, chatschema.events_now(), or null for the oldest event.',
                schema = 'chatschema', table = 'events', constraint = 'events_cursor_format';
    end if;
    was := parts[2];
    upto := parts[3];
    last := parts[4];
    start_xid := parts[5];
    start_id := parts[6];
    if parts[1] <> origin or pg_snapshot_xmax(upto) > pg_snapshot_xmax(now) and current_setting('transaction_isolation') = 'read committed' then
        raise exception 'this cursor is from another server, or from before a restore or failover'
            using errcode = 'OBX02', detail = format('The cursor is from %s, this server is %s.', parts[1], origin),
                hint = 'Events may be missing: empty the caches, and go on from chatschema.events_now().',
                schema = 'chatschema', table = 'events', constraint = 'events_cursor_origin';
    end if;
    if pg_snapshot_xmax(upto) > pg_snapshot_xmax(now)
        or exists (select from pg_snapshot_xip(now) as r (xid) where pg_visible_in_snapshot(r.xid, upto))
        -- A snapshot that is kept does not see that a month has gone, nor events that were moved; the server's own look does.
        or current_setting('transaction_isolation') <> 'read committed' and (
            select array_agg(p.relid::oid order by p.relid::oid) from pg_partition_tree('chatschema.events') as p where p.isleaf
        ) is distinct from (
            select array_agg(i.inhrelid order by i.inhrelid) from pg_inherits as i where i.inhparent = 'chatschema.events'::regclass
        )
    then
        raise exception 'this transaction is older than the cursor, or than the months of events'
            using errcode = 'serialization_failure', hint = 'Read events in a transaction of their own.',
                schema = 'chatschema', table = 'events', constraint = 'events_cursor_snapshot';
    end if;
    select s.dropped_xid, s.dropped_id into dropped from chatschema.event_state as s;
    -- A mark that this server has not reached is of the server that the database was restored from.
    if dropped.dropped_xid < pg_snapshot_xmax(now)
        and (dropped.dropped_xid >= pg_snapshot_xmin(upto) or dropped.dropped_xid >= pg_snapshot_xmin(was) and dropped.dropped_id > last)
    then
        if nullif(events_after.after, '') is not null then
            raise exception 'this cursor is older than the oldest events that are kept'
                using errcode = 'OBX03', hint = 'Events are missing: empty the caches, and go on from chatschema.events_now().',
                    schema = 'chatschema', table = 'events', constraint = 'events_cursor_kept';
        end if;
    end if;
    -- What the last snapshot did not see and this one does, by number. Where that is read to its end, the same up to now.
    for round in 1..2 loop
        return query
            select concat_ws(';', '1', origin, was, upto, e.id, start_xid, start_id), e.id, e.recorded_at, e.kind, e.table_name, e.row_id, e.row_number,
                e.conversation_id, e.user_id, e.first_id, e.last_id, e.row_count
            from chatschema.events as e
            where e.xid >= pg_snapshot_xmin(was) and e.xid < pg_snapshot_xmax(upto)
                and not pg_visible_in_snapshot(e.xid, was) and pg_visible_in_snapshot(e.xid, upto)
                and e.id > last and not (e.xid >= start_xid and e.id <= start_id)
            order by e.id
            limit size;
        if found then
            return;
        end if;
        was := upto;
        upto := now;
        last := 0;
    end loop;
end
$$;
comment on function chatschema.events_after(text, integer) is
    'The next events behind a cursor, each with the cursor behind itself; none and keep the old cursor if there are no new ones. Null: from the oldest. SQLSTATE OBX01: a standby; OBX02: another server; OBX03: older than what is kept.';
revoke execute on function chatschema.events_after(text, integer) from public;
