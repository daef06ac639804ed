-- activity: waits, deadlocks, rollbacks and temporary files.
-- Why: The waits are a sample of this moment: if many sessions wait for the same thing, that is the bottleneck. A commit that waits
--   for a missing synchronous standby waits for ever. Totals since the last reset are hard to judge, so they are shown per day, or
--   as a share of all transactions.
-- Check commits: commits wait for a synchronous standby.
-- Check waiting: many sessions wait for the same thing.
-- Check snapshot: `serializable read only deferrable` transactions, such as pg_dump --serializable-deferrable, wait for another transaction to end.
-- Check deadlocks: many deadlocks per day.
-- Check rollbacks: a large share of the transactions was rolled back.
-- Check temporary: queries write large temporary files.
-- Check window: the statistics cover too short a time for rates per day.
-- Threshold commit_wait_ms = 5000: critical when a commit has waited this long
-- Threshold waiting_sessions = 10: warn when this many sessions wait for the same thing
-- Threshold waiting_ms = 1000: count a waiting session when its statement has run this long
-- Threshold snapshot_sessions = 3: warn when this many transactions wait for the same one; below it the finding is info
-- Threshold deadlocks_per_day = 10: warn at this many deadlocks per day
-- Threshold rollback_pct = 10: warn at this percentage of rolled back transactions
-- Threshold min_transactions = 10000: do not judge rollbacks below this many transactions
-- Threshold temporary_bytes_per_day = 107374182400: warn at this many bytes of temporary files per day
-- Threshold min_days = 1: do not judge rates before the statistics cover this many days
-- Fully: pg_read_all_stats
with
sessions as materialized (
    select
        a.pid,
        a.wait_event_type as type,
        a.wait_event as event,
        -- A commit has waited since its statement began at the earliest, and since its state changed at the latest.
        extract(epoch from clock_timestamp() - greatest(a.query_start, a.state_change))::double precision * 1000 as since_ms
    from pg_catalog.pg_stat_activity as a
    where a.backend_type = 'client backend' and a.state = 'active' and a.pid <> pg_backend_pid()
        -- A standby that does not confirm stops the commits of all databases.
        and (a.datname = current_database() or a.wait_event = 'SyncRep')
),
-- The sessions that keep each of them from its snapshot.
unsafe as (
    select s.pid, b.pid as blocker
    from sessions as s
    cross join lateral unnest(pg_safe_snapshot_blocking_pids(s.pid)) as b (pid)
    where s.event = 'SafeSnapshot'
),
waits as (
    select
        case when s.type is null then 'running' else format('%s: %s', s.type, s.event) end as object,
        s.type,
        s.event,
        count(*) as sessions,
        count(*) filter (where s.since_ms >= {waiting_ms}) as stuck,
        max(s.since_ms) as longest_ms
    from sessions as s
    group by s.type, s.event
),
counted as (
    select
        d.deadlocks,
        d.xact_rollback as rollbacks,
        d.xact_commit + d.xact_rollback as transactions,
        d.temp_files,
        d.temp_bytes,
        d.deadlocks / greatest({stats_days}, 0.001)::numeric as deadlocks_per_day,
        100.0 * d.xact_rollback / nullif(d.xact_commit + d.xact_rollback, 0) as rollback_pct,
        d.temp_bytes / greatest({stats_days}, 0.001)::numeric as bytes_per_day
    from pg_catalog.pg_stat_database as d
    where d.datname = current_database()
),
findings as (
    select
        'critical' as severity, 'commits' as check_name, 'synchronous_standby_names' as object,
        format('%s commits wait for a synchronous standby, the longest for %s s; connected standbys that can confirm: %s',
            w.sessions, round(w.longest_ms::numeric / 1000),
            (select count(*) from pg_catalog.pg_stat_replication as r where r.sync_state in ('sync', 'quorum'))) as message,
        w.longest_ms::numeric as value, {commit_wait_ms}::numeric as threshold,
        format(E'-- first try to bring the standby back: chatschema report replication\n-- or end the waits; commits are then stored on this server only:\nalter system set synchronous_standby_names = ''''; select pg_reload_conf();') as fix,
        format('alter system set synchronous_standby_names = %L; select pg_reload_conf();', current_setting('synchronous_standby_names')) as undo
    from waits as w
    where w.event = 'SyncRep' and w.longest_ms >= {commit_wait_ms}
    union all
    select
        'warn', 'waiting', w.object, format('%s sessions wait for this; the longest of their statements has run for %s s', w.stuck,
            round(w.longest_ms::numeric / 1000)),
        w.stuck, {waiting_sessions},
        case when w.type = 'Lock' then 'chatschema report locks' else '-- this is a sample; watch it: chatschema report watch activity --every 2' end,
        null
    from waits as w
    where w.type in ('Lock', 'LWLock', 'IO', 'IPC', 'BufferPin') and w.event not in ('SyncRep', 'SafeSnapshot') and w.stuck >= {waiting_sessions}
        -- A query that waits for its own parallel workers is working.
        and not (w.type = 'IPC' and w.event ~ '^(ExecuteGather|Parallel|BgWorker|MessageQueue|Hash|AppendReady)')
    union all
    select
        case when count(*) >= {snapshot_sessions} then 'warn' else 'info' end, 'snapshot',
        format('%s (%s, %s)', a.pid, coalesce(a.usename, 'hidden'), coalesce(nullif(a.application_name, ''), 'no name')),
        format('serializable transactions that wait for this one to end: %s; it has been %s for %s s', count(*), a.state,
            round(extract(epoch from clock_timestamp() - a.state_change))),
        count(*), {snapshot_sessions},
        case when a.state ~ '^idle' then format('select pg_terminate_backend(%s);', a.pid) else format('select pg_cancel_backend(%s);', a.pid) end,
        null
    from unsafe as u
    join pg_catalog.pg_stat_activity as a on a.pid = u.blocker
    group by a.pid, a.usename, a.application_name, a.state, a.state_change
    union all
    select
        'warn', 'deadlocks', 'deadlocks', format('%s since the last reset, %s per day', c.deadlocks, round(c.deadlocks_per_day, 1)),
        c.deadlocks_per_day, {deadlocks_per_day},
        '-- the server log shows both queries of each deadlock; make all transactions lock rows in the same order', null
    from counted as c
    where {stats_days} >= {min_days} and c.deadlocks_per_day >= {deadlocks_per_day}
    union all
    select
        'warn', 'rollbacks', 'rollbacks',
        format('%s of %s transactions (%s %%) were rolled back', c.rollbacks, c.transactions, round(c.rollback_pct, 1)),
        c.rollback_pct, {rollback_pct}, '-- the server log shows the errors; fix the most frequent one first', null
    from counted as c
    where c.transactions >= {min_transactions} and c.rollback_pct >= {rollback_pct}
    union all
    select
        'warn', 'temporary', 'temporary files',
        format('%s in %s files, %s per day', pg_size_pretty(c.temp_bytes), c.temp_files, pg_size_pretty(round(c.bytes_per_day))),
        c.bytes_per_day, {temporary_bytes_per_day},
        '-- find the queries: chatschema report queries --sort temp; then raise work_mem for their role', null
    from counted as c
    where {stats_days} >= {min_days} and c.bytes_per_day >= {temporary_bytes_per_day}
    union all
    select
        'no verdict', 'window', null, format('not enough data: the statistics cover {stats_days} of {min_days} days'),
        null, null, null, null
    where {stats_days} < {min_days}
)
select
    w.object, w.sessions, w.longest_ms, null::numeric as per_day, null::numeric as share_pct,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from waits as w
union all
select r.object, r.number, null, r.per_day, r.share_pct, null, null, null, null, null, null, null
from counted as c
cross join lateral (
    values
        ('deadlocks', c.deadlocks, c.deadlocks_per_day, null::numeric),
        ('rollbacks', c.rollbacks, null, c.rollback_pct),
        ('temporary files', c.temp_files, c.bytes_per_day, null)
) as r (object, number, per_day, share_pct)
union all
select f.object, null, null, null, null, f.severity, f.check_name, f.message, f.value, f.threshold, f.fix, f.undo
from findings as f
