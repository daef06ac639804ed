-- settings: what the server is told that can lose data, hide trouble, or let one client hold up all.
-- Why: most trouble of a database was configured. Only what has a clear answer is judged; sizes depend on the machine and are shown.
-- Check safety: a setting under which data can be lost.
-- Check upkeep: a setting without which the database decays.
-- Check insight: what is not logged or counted cannot be looked up later.
-- Check patience: without a limit one forgotten client holds locks for ever.
-- Check restart: a change that waits for a restart.
-- Check locks: the lock table is too small for all connections to read a page of messages at once.
with
wanted (name, bad, severity, check_name, why, better) as (
    values
        ('fsync', 'off', 'critical', 'safety', 'a crash can damage the database beyond repair', 'on'),
        ('full_page_writes', 'off', 'critical', 'safety', 'a crash can leave half-written pages', 'on'),
        ('zero_damaged_pages', 'on', 'critical', 'safety', 'damaged pages are silently emptied', 'off'),
        ('ignore_checksum_failure', 'on', 'critical', 'safety', 'damage that was noticed is ignored', 'off'),
        ('synchronous_commit', 'off', 'info', 'safety', 'a crash loses what was committed in the last moments', 'on'),
        ('data_checksums', 'off', 'info', 'safety', 'damage on disk is not noticed', ''),
        ('password_encryption', 'md5', 'warn', 'safety', 'passwords are stored in a form that is broken', '''scram-sha-256'''),
        ('autovacuum', 'off', 'critical', 'upkeep', 'dead rows stay, and one day the server refuses to write', 'on'),
        ('track_counts', 'off', 'critical', 'upkeep', 'autovacuum and these reports know nothing', 'on'),
        ('enable_seqscan', 'off', 'warn', 'upkeep', 'the planner is forbidden a method for everybody', 'on'),
        ('enable_indexscan', 'off', 'warn', 'upkeep', 'the planner is forbidden a method for everybody', 'on'),
        ('enable_nestloop', 'off', 'warn', 'upkeep', 'the planner is forbidden a method for everybody', 'on'),
        ('enable_hashjoin', 'off', 'warn', 'upkeep', 'the planner is forbidden a method for everybody', 'on'),
        ('track_io_timing', 'off', 'info', 'insight', 'the time of reads and writes is not measured', 'on'),
        ('log_lock_waits', 'off', 'info', 'insight', 'waits for locks leave no trace', 'on'),
        ('log_autovacuum_min_duration', '-1', 'info', 'insight', 'what autovacuum did leaves no trace', '''10min'''),
        ('log_temp_files', '-1', 'info', 'insight', 'queries that spill to disk leave no trace', '''10MB'''),
        ('idle_in_transaction_session_timeout', '0', 'info', 'patience', 'a forgotten transaction keeps its locks for ever', '''5min'''),
        ('statement_timeout', '0', 'info', 'patience', 'a query may run for ever; better set for the application''s role than for all', '')
),
-- What our own session set is not what the server tells others.
given as materialized (
    select
        s.name, s.source = 'session' as is_ours, case when s.source = 'session' then s.reset_val else s.setting end as setting,
        s.unit, case when s.source = 'session' then coalesce(stored.source, 'server') else s.source end as source, s.pending_restart
    from pg_catalog.pg_settings as s
    -- Where it came from before our session set it: the strongest first.
    left join lateral (
        select
            case
                when r.setdatabase <> 0 and r.setrole <> 0 then 'database user'
                when r.setrole <> 0 then 'user'
                when r.setdatabase <> 0 then 'database'
                else 'global'
            end as source
        from pg_catalog.pg_db_role_setting as r
        cross join lateral unnest(r.setconfig) as e (entry)
        where split_part(e.entry, '=', 1) = s.name
            and r.setdatabase in (0, (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
            and r.setrole in (0, (select u.oid from pg_catalog.pg_roles as u where u.rolname = current_user))
        order by r.setrole <> 0 desc, r.setdatabase <> 0 desc
        limit 1
    ) as stored on s.source = 'session'
),
shown (name) as (
    values
        ('shared_buffers'), ('effective_cache_size'), ('work_mem'), ('maintenance_work_mem'), ('max_connections'), ('max_locks_per_transaction'),
        ('max_wal_size'), ('checkpoint_timeout'), ('wal_level'), ('random_page_cost'), ('effective_io_concurrency'), ('max_parallel_workers'), ('jit'),
        ('shared_preload_libraries')
)
select
    g.name as object,
    -- show prints what our session has; for the others it prints them with their unit.
    case when g.is_ours then g.setting else current_setting(g.name) end as setting, g.source,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from given as g
where g.name in (select s.name from shown as s union all select w.name from wanted as w)
union all
select
    g.name, null, null, w.severity, w.check_name, format('is %s: %s', g.setting, w.why), null, null,
    case
        when g.name = 'data_checksums' then '-- with the server stopped: pg_checksums --enable'
        when w.better <> '' then format(o.command, g.name, w.better)
        else format('alter database %I set %s = ''30s'';', current_database(), g.name)
    end,
    case when w.better <> '' then format(o.command, g.name, quote_literal(g.setting)) end
from wanted as w
join given as g on g.name = w.name and g.setting = w.bad
-- What is set for the database or the role is stronger than what is set for the system.
cross join lateral (
    select
        case g.source
            when 'database' then replace(format('alter database %I', current_database()), '%', '%%') || ' set %s = %s;'
            when 'global' then 'alter role all set %s = %s;'
            when 'user' then replace(format('alter role %I', current_user), '%', '%%') || ' set %s = %s;'
            when 'database user' then replace(format('alter role %I in database %I', current_user, current_database()), '%', '%%') || ' set %s = %s;'
            else 'alter system set %s = %s; select pg_reload_conf();'
        end as command
) as o
union all
select
    'max_locks_per_transaction', null, null, 'warn', 'locks', t.message, t.needed, t.entries, t.fix, t.undo
from ({lock_table}) as t
where t.fits < t.connections
union all
select g.name, null, null, 'warn', 'restart', 'was changed, and waits for a restart of the server', null, null, '-- restart the server', null
from given as g
where g.pending_restart
order by object
