-- locks: who waits for whom, as a tree; the one to talk to is at its root.
-- Why: one statement that waits for a strong lock holds up all that come after it, so the one in front is seldom the one that is
--   complained of. The server itself is asked who blocks whom: it knows the queue, which a comparison of locks does not.
-- Check blocking: a session that waits for nobody and makes others wait.
-- Threshold wait_warn_ms = 60000: longest wait that is a warning
-- Threshold wait_critical_ms = 120000: longest wait that is critical
-- Threshold blocked_warn = 3: sessions held up, however short, that are a warning
-- Fully: pg_read_all_stats
with recursive
waiting as materialized (
    select
        l.pid,
        min(l.waitstart) as since,
        (array_agg(
            case
                when l.relation is not null and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
                    then format('%s on %s', l.mode, l.relation::regclass)
                else format('%s of a %s', l.mode, l.locktype)
            end
        ))[1] as wants,
        (array_agg(l.relation))[1] as relation
    from pg_catalog.pg_locks as l
    where not l.granted
    group by l.pid
),
edges as materialized (
    select distinct
        w.pid,
        -- A parallel worker waits and blocks in its leader's name; 0 is a prepared transaction.
        coalesce(a.leader_pid, b.pid) as blocker
    from waiting as w
    cross join lateral unnest(pg_blocking_pids(w.pid)) as b (pid)
    left join pg_catalog.pg_stat_activity as a on a.pid = b.pid
    where coalesce(a.leader_pid, b.pid) <> w.pid
),
-- Who is held up by each root, and how far from it: without the paths, which in a queue of forty are more than can be counted.
reached as (
    select distinct e.blocker as root, e.blocker as pid, 0 as depth
    from edges as e
    where e.blocker not in (select w.pid from waiting as w)
    union
    select r.root, e.pid, r.depth + 1
    from reached as r
    join edges as e on e.blocker = r.pid
    where r.depth < 20
),
nearest as materialized (
    select r.root, r.pid, min(r.depth) as depth from reached as r group by r.root, r.pid
),
-- A session that waits for several is shown once, behind the one nearest to the root.
behind as materialized (
    select n.root, n.pid, n.depth, min(b.pid) as parent
    from nearest as n
    join edges as e on e.pid = n.pid
    join nearest as b on b.root = n.root and b.pid = e.blocker and b.depth = n.depth - 1
    group by n.root, n.pid, n.depth
),
once as (
    select n.root, n.pid, n.depth, array[n.pid] as path from nearest as n where n.depth = 0
    union all
    select b.root, b.pid, b.depth, o.path || b.pid
    from once as o
    join behind as b on b.root = o.root and b.parent = o.pid and b.depth = o.depth + 1
),
blocked as (
    select
        o.root,
        count(*) filter (where o.depth > 0) as sessions,
        max(extract(epoch from clock_timestamp() - w.since)) * 1000 as longest_ms
    from once as o
    left join waiting as w on w.pid = o.pid
    group by o.root
),
shown as (
    select
        o.*,
        a.usename, a.application_name, a.state, a.xact_start, a.query, a.backend_type, w.since, w.wants,
        (
            select string_agg(distinct l.mode, ', ')
            from pg_catalog.pg_locks as l
            join waiting as r on r.relation = l.relation
            where l.pid = o.pid and l.granted
        ) as holds
    from once as o
    left join pg_catalog.pg_stat_activity as a on a.pid = o.pid
    left join waiting as w on w.pid = o.pid
)
select
    a.session, a.waits_ms, a.wants, a.holds, a.role, a.state, a.transaction_ms, a.application, a.query,
    a.object, a.severity, a.check_name, a.message, a.value, a.threshold, a.fix, a.undo
from (
    select
        repeat('  ', s.depth) || case when s.depth > 0 then '- ' else '' end || s.pid as session,
        extract(epoch from clock_timestamp() - s.since)::double precision * 1000 as waits_ms,
        s.wants,
        s.holds,
        coalesce(s.usename, 'hidden')::text as role,
        case when s.pid = 0 then 'prepared transaction' else coalesce(s.state, 'hidden') end as state,
        extract(epoch from clock_timestamp() - s.xact_start)::double precision * 1000 as transaction_ms,
        nullif(s.application_name, '') as application,
        left(regexp_replace(s.query, '\s+', ' ', 'g'), 200) as query,
        s.path as place,
        null as object,
        null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
    from shown as s
    union all
    select
        null, null, null, null, null, null, null, null, null, null,
        case when r.pid = 0 then 'a prepared transaction' else format('%s (%s, %s)', r.pid, coalesce(r.usename, 'hidden'), coalesce(nullif(r.application_name, ''), 'no name')) end,
        case
            when b.longest_ms >= {wait_critical_ms} then 'critical'
            when b.longest_ms >= {wait_warn_ms} or b.sessions >= {blocked_warn} then 'warn'
            else 'info'
        end,
        'blocking',
        format('%s for %s s holds up %s: the longest waits for %s s', coalesce(r.state, 'hidden'),
            coalesce(round(extract(epoch from clock_timestamp() - r.xact_start)), 0), b.sessions, round(b.longest_ms / 1000)),
        b.longest_ms, {wait_warn_ms},
        case
            when r.pid = 0 then E'-- find it: select * from pg_prepared_xacts order by prepared;\nrollback prepared ''...'';'
            when r.state = 'active' then format(E'select pg_cancel_backend(%s);  -- if it goes on: select pg_terminate_backend(%1$s);', r.pid)
            else format('select pg_terminate_backend(%s);', r.pid)
        end,
        null
    from blocked as b
    join shown as r on r.root = b.root and r.depth = 0
) as a
order by a.place nulls last
