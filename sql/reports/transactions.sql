-- transactions: the oldest open transactions, what they do, and what they keep from being cleaned up.
-- Why: an open transaction keeps its locks, and the whole database from vacuuming what was deleted since it began. One that is idle
--   was forgotten by a program. Replication and the server's own work are left out: the reports on them judge them.
-- Check idle: a transaction whose session has done nothing for long, however old it is.
-- Check long: a transaction that is old and goes on working.
-- Check query: a query that runs for long.
-- Check prepared: a prepared transaction nobody finishes; it survives even a restart.
-- Threshold idle_warn_ms = 300000: time that an open transaction has been idle that is a warning
-- Threshold idle_critical_ms = 1800000: time that is critical
-- Threshold long_warn_ms = 900000: age of a working transaction that is a warning
-- Threshold long_critical_ms = 7200000: age that is critical
-- Threshold query_warn_ms = 300000: duration of a query that is a warning
-- Threshold query_critical_ms = 1800000: duration that is critical
-- Threshold prepared_warn_ms = 300000: age of a prepared transaction that is a warning
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
-- Who waits for a lock is held up by another, whom the report on locks names.
at_work as (
    select o.* from open as o where not o.is_waiting
),
judged as (
    select o.*, j.*
    from at_work as o
    cross join lateral (
        values
            ('idle', o.state ~ '^idle in transaction', o.in_state_ms, {idle_warn_ms}, {idle_critical_ms}),
            -- Between two of its statements a transaction that works is idle for a moment.
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
        -- There is no query to cancel between two of its statements.
        when j.state ~ '^idle' then format(E'select pg_terminate_backend(%s);', j.pid)
        else format('select pg_cancel_backend(%s);', j.pid)
    end,
    null,
    -- Where it makes others wait, that is the trouble, and it is found there.
    format('locks.blocking:%s (%s, %s)', j.pid, j.usename, coalesce(nullif(j.application_name, ''), 'no name'))
from judged as j
union all
select
    format('%s (%s)', p.gid, p.owner), null, null, null, null, null, null, null,
    'warn', 'prepared',
    format('prepared %s s ago', round(extract(epoch from clock_timestamp() - p.prepared))),
    extract(epoch from clock_timestamp() - p.prepared) * 1000, {prepared_warn_ms},
    format('rollback prepared %L;  -- or commit prepared, as its transaction manager says', p.gid), null,
    format('locks.blocking:prepared transaction %s (%s)', p.gid, p.owner)
from pg_catalog.pg_prepared_xacts as p
where p.database = current_database() and extract(epoch from clock_timestamp() - p.prepared) * 1000 >= {prepared_warn_ms}
order by transaction_ms desc nulls last
