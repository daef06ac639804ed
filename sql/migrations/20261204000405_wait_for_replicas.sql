-- wait_for: reading on a replica what was just written on the primary.
-- Why: a replica is behind by the time that replay takes; most first pages there miss the writer's own message.
-- Risk: new functions only; takes no lock on existing data.
create function chatschema.written_lsn() returns pg_lsn
    language sql volatile
as $$
    select pg_catalog.pg_current_wal_insert_lsn()
$$;
comment on function chatschema.written_lsn() is
    'On the primary, after the commit: the position in the write-ahead log that chatschema.wait_for() waits for. Before the commit it is too early.';

-- A snapshot that is held keeps the replay of pruning and vacuum waiting, and with it what is waited for. So this is a procedure
-- that commits before each sleep; SET and SECURITY DEFINER would forbid that.
create procedure chatschema.refuse_open_transaction()
    language plpgsql
as $$
begin
    commit;
end
$$;
comment on procedure chatschema.refuse_open_transaction() is
    'SQLSTATE 2D000 in an open transaction: call chatschema.wait_for() before begin, as it commits while it waits.';

create procedure chatschema.wait_for(lsn pg_lsn, timeout interval default '1 second')
    language plpgsql
as $$
declare
    deadline constant timestamptz := pg_catalog.clock_timestamp() + wait_for.timeout;
    reached pg_lsn;
begin
    call chatschema.refuse_open_transaction();
    if wait_for.lsn is null or wait_for.timeout is null then
        raise exception 'wait_for needs a position and a time'
            using errcode = 'null_value_not_allowed', hint = 'The position is chatschema.written_lsn() on the primary, after the commit.',
                constraint = 'wait_for_values';
    end if;
    loop
        -- A primary has what it has: after a failover also a client with an old position reads there.
        reached := case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_insert_lsn() end;
        exit when reached >= wait_for.lsn;
        if pg_catalog.clock_timestamp() >= deadline or not pg_catalog.pg_is_in_recovery() then
            raise exception 'this server has not replayed % yet, but only %', wait_for.lsn, reached
                using errcode = 'LSN01', hint = 'Read from the primary.', constraint = 'wait_for_timeout';
        end if;
        commit;
        perform pg_catalog.pg_sleep(0.01);
    end loop;
end
$$;
comment on procedure chatschema.wait_for(pg_lsn, interval) is
    'On a replica, outside a transaction: returns once it has replayed this position. SQLSTATE LSN01 when the time is over: read from the primary.';
revoke execute on function chatschema.written_lsn() from public;
revoke execute on procedure chatschema.refuse_open_transaction() from public;
revoke execute on procedure chatschema.wait_for(pg_lsn, interval) from public;
