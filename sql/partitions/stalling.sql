-- stalling: sessions that would delay a detach: transactions with a lock that it waits for, and those with a snapshot.
-- Why: while a detach waits, its month is already unavailable. An interrupted detach also waits for every older snapshot in the
-- database. A transaction is old after a second; its age is null if it is hidden from this role.
with locks as materialized (
    select * from pg_catalog.pg_locks
    where granted and pid is distinct from pg_backend_pid()
),
tables as (
    select to_regclass(t) as oid, false as is_referenced from unnest(%(tables)s::text[]) as t
    union
    -- The last step of a detach takes SHARE ROW EXCLUSIVE on the tables that the month refers to.
    select confrelid, true from pg_catalog.pg_constraint
    where contype = 'f' and conrelid = any (select to_regclass(t) from unnest(%(tables)s::text[]) as t)
),
-- A lock of a prepared transaction has no process; the lock on its transaction id identifies it.
prepared as (
    select l.virtualtransaction, p.* from pg_catalog.pg_prepared_xacts as p
    join locks as l on l.locktype = 'transactionid' and l.transactionid = p.transaction and l.pid is null
),
holders as (
    select distinct on (l.pid, l.virtualtransaction) l.pid, l.virtualtransaction, t.oid::regclass::text as holds
    from locks as l
    join tables as t on t.oid = l.relation
    where l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and not (t.is_referenced and l.mode in ('AccessShareLock', 'RowShareLock'))
    order by l.pid, l.virtualtransaction, t.oid
),
snapshots as (
    select s.pid, l.virtualtransaction, null::text as holds
    from pg_catalog.pg_stat_activity as s
    join locks as l on l.pid = s.pid and l.locktype = 'virtualxid'
    where s.datname = current_database() and s.backend_xmin is not null and s.backend_type <> 'autovacuum worker'
        and s.pid not in (select pid from pg_catalog.pg_stat_progress_vacuum)
        -- A build may take hours. A detach waits for its snapshot only if it is interrupted and the index is partial or of expressions.
        and s.pid not in (select pid from pg_catalog.pg_stat_progress_create_index)
        and s.pid not in (select pid from holders where pid is not null)
)
select h.virtualtransaction, h.holds, {session}
from (table holders union all table snapshots) as h
left join pg_catalog.pg_stat_activity as a on a.pid = h.pid
left join prepared as p on h.pid is null and p.virtualtransaction = h.virtualtransaction
where (a.pid is not null or p.gid is not null)
    and coalesce(a.xact_start, p.prepared, '-infinity') < clock_timestamp() - interval '1 second'
order by coalesce(a.xact_start, p.prepared) nulls last
