-- transactions: the oldest open transactions.
-- Why: An open transaction keeps its locks, and keeps vacuum from removing the rows that were deleted in the database since it began.
--   An idle one was usually forgotten by a program. Replication and the server's own processes are left out: other reports judge
--   them.
-- Check idle: a session has been idle in its transaction for long, however old the transaction is.
-- Check long: a transaction is old and still works.
-- Check query: a query has run for long.
-- Check prepared: a prepared transaction was not finished; it survives even a restart.
-- Threshold idle_warn_ms = 300000: warn when an open transaction has been idle this long
-- Threshold idle_critical_ms = 1800000: critical when it has been idle this long
-- Threshold long_warn_ms = 900000: warn when a working transaction is this old
-- Threshold long_critical_ms = 7200000: critical when it is this old
-- Threshold query_warn_ms = 300000: warn when a query has run this long
-- Threshold query_critical_ms = 1800000: critical when it has run this long
-- Threshold prepared_warn_ms = 300000: warn when a prepared transaction is this old
-- Fully: pg_read_all_stats
-- Acute: yes
with
open as materialized (
    select
        a.pid, a.usename, a.application_name, a.state, a.query,
        extract(epoch from clock_timestamp() - a.xact_start)::double precision * 1000 as transaction_ms,
        extract(epoch from clock_timestamp() - a.state_change)::double precision * 1000 as in_state_ms,
        case when a.state = 'active' then extract(epoch from clock_timestamp() - a.query_start)::double precision * 1000 end as query_ms,
        age(a.backend_xmin) as held_transactions,
        a.xact_start,
        a.wait_event_type is not distinct from 'Lock' as is_waiting
    from pg_catalog.pg_stat_activity as a
    where a.backend_type = 'client backend' and a.datname = current_database() and a.xact_start is not null
        and a.pid <> pg_backend_pid() and a.application_name !~ '^pg_(dump|basebackup|receivewal)'
),
-- A session that waits for a lock is blocked by another one; the report on locks names it.
at_work as (
    select o.* from open as o where not o.is_waiting
),
judged as (
    select o.*, j.*
    from at_work as o
    cross join lateral (
        values
            ('idle', o.state ~ '^idle in transaction', o.in_state_ms, {idle_warn_ms}, {idle_critical_ms}),
            -- A working transaction is idle for a moment between two statements.
            ('long', o.state !~ '^idle in transaction' or o.in_state_ms < {idle_warn_ms}, o.transaction_ms, {long_warn_ms}, {long_critical_ms}),
            ('query', true, o.query_ms, {query_warn_ms}, {query_critical_ms})
    ) as j (check_name, applies, age_ms, warn_ms, critical_ms)
    where j.applies and j.age_ms >= j.warn_ms
)
select
    o.pid::text as object,
    o.transaction_ms,
    o.state,
    o.usename::text as role,
    nullif(o.application_name, '') as application,
    o.in_state_ms,
    o.held_transactions,
    left(regexp_replace(o.query, '\s+', ' ', 'g'), 200) as query,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo,
    null as cause
from open as o
union all
select
    format('%s (%s, %s)', j.pid, j.usename, coalesce(nullif(j.application_name, ''), 'no name')), null, null, null, null, null, null, null,
    case when j.age_ms >= j.critical_ms then 'critical' else 'warn' end,
    j.check_name,
    format('%s%s, open for %s s, since %s: %s', j.state, case when j.state ~ '^idle' then format(' for %s s', round(j.in_state_ms / 1000)) end,
        round(j.transaction_ms / 1000), to_char(j.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'),
        left(regexp_replace(j.query, '\s+', ' ', 'g'), 60)),
    j.age_ms, j.warn_ms,
    case
        -- Between two statements there is no query to cancel.
        when j.state ~ '^idle' then format(E'select pg_terminate_backend(%s);', j.pid)
        else format('select pg_cancel_backend(%s);', j.pid)
    end,
    null,
    -- If it blocks others, that finding is the cause.
    format('locks.blocking:%s (%s, %s)', j.pid, j.usename, coalesce(nullif(j.application_name, ''), 'no name'))
from judged as j
union all
select
    format('%s (%s)', p.gid, p.owner), null, null, null, null, null, null, null,
    'warn', 'prepared',
    format('prepared %s s ago', round(extract(epoch from clock_timestamp() - p.prepared))),
    extract(epoch from clock_timestamp() - p.prepared) * 1000, {prepared_warn_ms},
    format('rollback prepared %L;  -- or commit prepared, if its transaction manager decides so', p.gid), null,
    format('locks.blocking:prepared transaction %s (%s)', p.gid, p.owner)
from pg_catalog.pg_prepared_xacts as p
where p.database = current_database() and extract(epoch from clock_timestamp() - p.prepared) * 1000 >= {prepared_warn_ms}
order by transaction_ms desc nulls last
