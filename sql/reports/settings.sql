-- settings: settings that can lose data or hide problems.
-- Why: Most database problems come from configuration. Only settings with a clear answer are judged; sizes depend on the machine and
--   are only shown.
-- Check safety: this setting can lose data.
-- Check upkeep: this setting stops maintenance, or restricts the planner for all queries.
-- Check insight: events that you need to explain a problem later are not logged or counted.
-- Check patience: without a limit, one forgotten client holds its locks for ever.
-- Check restart: a changed setting takes effect only after a restart.
-- Check locks: the lock table is too small for all connections to read a page of messages at the same time.
with
wanted (name, bad, severity, check_name, why, better) as (
    values
        ('fsync', 'off', 'critical', 'safety', 'a crash can damage the database beyond repair', 'on'),
        ('full_page_writes', 'off', 'critical', 'safety', 'a crash can leave half-written pages', 'on'),
        ('zero_damaged_pages', 'on', 'critical', 'safety', 'damaged pages are silently emptied', 'off'),
        ('ignore_checksum_failure', 'on', 'critical', 'safety', 'detected damage is ignored', 'off'),
        ('synchronous_commit', 'off', 'info', 'safety', 'a crash loses the latest commits', 'on'),
        ('data_checksums', 'off', 'info', 'safety', 'damage on disk is not detected', ''),
        ('password_encryption', 'md5', 'warn', 'safety', 'passwords are stored as MD5 hashes, which are not secure', '''scram-sha-256'''),
        ('autovacuum', 'off', 'critical', 'upkeep', 'dead rows are not removed, and one day the server refuses to write', 'on'),
        ('track_counts', 'off', 'critical', 'upkeep', 'autovacuum and these reports have no data', 'on'),
        ('enable_seqscan', 'off', 'warn', 'upkeep', 'the planner cannot choose this method for any query', 'on'),
        ('enable_indexscan', 'off', 'warn', 'upkeep', 'the planner cannot choose this method for any query', 'on'),
        ('enable_nestloop', 'off', 'warn', 'upkeep', 'the planner cannot choose this method for any query', 'on'),
        ('enable_hashjoin', 'off', 'warn', 'upkeep', 'the planner cannot choose this method for any query', 'on'),
        ('track_io_timing', 'off', 'info', 'insight', 'the times of reads and writes are not measured', 'on'),
        ('log_lock_waits', 'off', 'info', 'insight', 'lock waits are not logged', 'on'),
        ('log_autovacuum_min_duration', '-1', 'info', 'insight', 'autovacuum runs are not logged', '''10min'''),
        ('log_temp_files', '-1', 'info', 'insight', 'queries that write temporary files are not logged', '''10MB'''),
        ('idle_in_transaction_session_timeout', '0', 'info', 'patience', 'a forgotten transaction keeps its locks for ever', '''5min'''),
        ('statement_timeout', '0', 'info', 'patience', 'a query may run for ever; set it for the application''s role rather than for all', '')
),
-- The values of this session, which the report itself set, are not those of other sessions.
given as materialized (
    select
        s.name, s.source = 'session' as is_ours, case when s.source = 'session' then s.reset_val else s.setting end as setting,
        s.unit, case when s.source = 'session' then coalesce(stored.source, 'server') else s.source end as source, s.pending_restart
    from pg_catalog.pg_settings as s
    -- The source of the value before this session set it: the strongest first.
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
    -- current_setting() has the unit, but for a setting of this session the wrong value.
    case when g.is_ours then g.setting else current_setting(g.name) end as setting, g.source,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from given as g
where g.name in (select s.name from shown as s union all select w.name from wanted as w)
union all
select
    g.name, null, null, w.severity, w.check_name, format('is %s; %s', g.setting, w.why), null, null,
    case
        when g.name = 'data_checksums' then '-- with the server stopped: pg_checksums --enable'
        when w.better <> '' then format(o.command, g.name, w.better)
        else format('alter database %I set %s = ''30s'';', current_database(), g.name)
    end,
    case when w.better <> '' then format(o.command, g.name, quote_literal(g.setting)) end
from wanted as w
join given as g on g.name = w.name and g.setting = w.bad
-- A value of the database or of the role overrides that of the server.
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
select g.name, null, null, 'warn', 'restart', 'was changed, but takes effect only after a restart of the server', null, null, '-- restart the server', null
from given as g
where g.pending_restart
order by object
