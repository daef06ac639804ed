-- locks: which sessions block others, as a tree.
-- Why: A statement that waits for a strong lock blocks all statements behind it, even those that could run beside the session that
--   it waits for. The report asks the server who blocks whom: the server knows the queue, which a comparison of locks does not.
-- Check blocking: a session or prepared transaction that waits for nobody and blocks others.
-- Check queue: a statement that waits for a working session, and blocks others that would not wait for that session.
-- Threshold wait_warn_ms = 60000: warn when the longest wait reaches this
-- Threshold wait_critical_ms = 120000: critical when the longest wait reaches this
-- Threshold blocked_warn = 3: warn when this many sessions are blocked ...
-- Threshold blocked_min_ms = 1000: ... and the longest has waited this long
-- Fully: pg_read_all_stats
-- Acute: yes
with recursive
locks as materialized (
    select l.* from pg_catalog.pg_locks as l
),
-- https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES, read from the stronger mode to the weaker.
conflicts (held, wanted) as (
    values
    ('AccessShareLock', array['AccessExclusiveLock']),
    ('RowShareLock', array['ExclusiveLock', 'AccessExclusiveLock']),
    ('RowExclusiveLock', array['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('ShareUpdateExclusiveLock', array['ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('ShareLock', array['RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('ShareRowExclusiveLock', array['RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('ExclusiveLock', array['RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']),
    ('AccessExclusiveLock', array['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'])
),
-- Prepared transactions have no process: a negative number stands for each. The virtual transaction that holds the lock on their
-- transaction ID holds their other locks, too.
prepared as materialized (
    select - row_number() over (order by p.gid)::integer as pid, p.gid, p.owner, p.prepared, l.virtualtransaction
    from pg_catalog.pg_prepared_xacts as p
    join locks as l on l.locktype = 'transactionid' and l.transactionid = p.transaction and l.pid is null
),
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
        (array_agg(l.relation) filter (where l.locktype = 'relation'))[1] as relation
    from locks as l
    where not l.granted
    group by l.pid
),
blockers as materialized (
    select w.pid, b.pid as blocker from waiting as w cross join lateral unnest(pg_blocking_pids(w.pid)) as b (pid)
),
edges as materialized (
    -- A parallel worker counts as its leader.
    select distinct b.pid, coalesce(a.leader_pid, b.blocker) as blocker
    from blockers as b
    left join pg_catalog.pg_stat_activity as a on a.pid = b.blocker
    where b.blocker <> 0 and coalesce(a.leader_pid, b.blocker) <> b.pid
    union
    select w.pid, p.pid
    from (select distinct b.pid from blockers as b where b.blocker = 0) as b
    join locks as w on w.pid = b.pid and not w.granted
    join locks as h on h.pid is null and h.granted
        and (h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
            is not distinct from
            (w.locktype, w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
    join conflicts as c on c.held = h.mode and w.mode = any (c.wanted)
    join prepared as p on p.virtualtransaction = h.virtualtransaction
),
-- The sessions blocked by each root, and their distance from it: not the paths, of which a queue of forty has too many to count.
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
-- A session that waits for several others is shown once, behind the one nearest to the root.
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
blocked as materialized (
    select
        o.root,
        count(*) filter (where o.depth > 0) as sessions,
        max(extract(epoch from clock_timestamp() - w.since)) * 1000 as longest_ms
    from once as o
    left join waiting as w on w.pid = o.pid
    group by o.root
),
shown as materialized (
    select
        o.*,
        case when o.pid > 0 then o.pid::text else format('prepared %L', p.gid) end as name,
        p.gid,
        case
            when p.gid is not null then format('prepared transaction %s (%s)', p.gid, p.owner)
            when a.backend_type = 'autovacuum worker' then format('%s (autovacuum)', o.pid)
            else format('%s (%s, %s)', o.pid, coalesce(a.usename, 'hidden'), coalesce(nullif(a.application_name, ''), 'no name'))
        end as object,
        coalesce(a.usename, p.owner) as usename, a.application_name,
        case when p.gid is not null then 'prepared transaction' else coalesce(a.state, 'hidden') end as state,
        coalesce(a.xact_start, p.prepared) as xact_start,
        -- A session can hold a lock without a transaction; an idle one has been idle since its last change of state.
        case when a.state ~ '^idle' then a.state_change else coalesce(a.xact_start, p.prepared) end as state_since, a.query, w.since, w.wants,
        -- These cost more to repeat than the statement that waits for them.
        coalesce(a.application_name ~ '^pg_(dump|dumpall|restore|basebackup)' or a.query ~ '\(to prevent wraparound\)', false) as is_precious,
        (
            select string_agg(distinct case when l.relation is null then l.mode else format('%s on %s', l.mode, l.relation::regclass) end, ', ')
            from locks as l
            join waiting as r on r.relation = l.relation
            where l.granted and (l.pid = o.pid or (p.gid is not null and l.virtualtransaction = p.virtualtransaction and l.pid is null))
        ) as holds
    from once as o
    left join pg_catalog.pg_stat_activity as a on a.pid = o.pid
    left join prepared as p on p.pid = o.pid
    left join waiting as w on w.pid = o.pid
),
-- The sessions that wait for the root itself; a head is one that others queue behind only because of the same table.
direct as materialized (
    select
        s.root, s.pid, s.object, s.query, s.since,
        exists (
            select from edges as e
            join nearest as n on n.root = s.root and n.pid = e.pid and n.depth > 1
            join waiting as w on w.pid = e.pid
            join waiting as h on h.pid = s.pid and h.relation = w.relation
            where e.blocker = s.pid
        ) as is_head
    from shown as s
    where s.depth = 1
),
heads as materialized (
    select
        d.root,
        (array_agg(d.object order by d.since))[1] as object,
        (array_agg(left(regexp_replace(d.query, '\s+', ' ', 'g'), 60) order by d.since))[1] as query,
        min(d.since) as since,
        bool_and(d.is_head) as are_all,
        count(*) as sessions,
        string_agg(format('select pg_cancel_backend(%s);', d.pid), E'\n' order by d.since) as cancel
    from direct as d
    group by d.root
),
judged as (
    select
        b.*, r.object, r.state, r.holds, r.gid, r.pid, r.is_precious, h.object as head, h.query as head_query, h.since as head_since, h.cancel,
        r.state_since, h.sessions as heads,
        h.are_all and (r.state !~ '^idle' or r.is_precious) as is_queue,
        case
            when b.longest_ms >= {wait_critical_ms} then 'critical'
            when b.longest_ms >= {wait_warn_ms} or (b.sessions >= {blocked_warn} and b.longest_ms >= {blocked_min_ms}) then 'warn'
            else 'info'
        end as severity
    from blocked as b
    join shown as r on r.root = b.root and r.depth = 0
    join heads as h on h.root = b.root
)
select
    a.session, a.waits_ms, a.wants, a.holds, a.role, a.state, a.transaction_ms, a.application, a.query,
    a.object, a.severity, a.check_name, a.message, a.value, a.threshold, a.fix, a.undo
from (
    select
        repeat('  ', s.depth) || case when s.depth > 0 then '- ' else '' end || s.name as session,
        extract(epoch from clock_timestamp() - s.since)::double precision * 1000 as waits_ms,
        s.wants,
        s.holds,
        coalesce(s.usename, 'hidden')::text as role,
        s.state,
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
        j.object, j.severity, 'blocking',
        format('%s for %s s%s; sessions blocked: %s, the longest for %s s', j.state, coalesce(round(extract(epoch from clock_timestamp() - j.state_since)), 0),
            case when j.holds is not null then format(', holds %s', j.holds) end, j.sessions, round(j.longest_ms / 1000)),
        j.longest_ms, {wait_warn_ms},
        case
            when j.gid is not null
                then format(E'-- ask its transaction manager first; if it decides to commit: commit prepared %L;\nrollback prepared %1$L;', j.gid)
            when j.is_precious then format(E'-- repeating this session costs more than repeating those that wait for it\n%s', j.cancel)
            when j.state ~ '^idle' then format('select pg_terminate_backend(%s);', j.pid)
            else format(E'select pg_cancel_backend(%s);  -- if it does not stop: select pg_terminate_backend(%1$s);', j.pid)
        end,
        null
    from judged as j
    where not j.is_queue
    union all
    select
        null, null, null, null, null, null, null, null, null, null,
        j.head, j.severity, 'queue',
        format('waits %s s for %s, %s for %s s%s; sessions blocked only by this wait: %s, the longest for %s s: %s',
            round(extract(epoch from clock_timestamp() - j.head_since)), j.object, j.state, coalesce(round(extract(epoch from clock_timestamp() - j.state_since)), 0),
            case when j.holds is not null then format(', which holds %s', j.holds) end, j.sessions - j.heads, round(j.longest_ms / 1000), j.head_query),
        j.longest_ms, {wait_warn_ms},
        format(E'-- run it again later with a lock_timeout; the sessions behind it continue at once\n%s', j.cancel), null
    from judged as j
    where j.is_queue
) as a
order by a.place nulls last
