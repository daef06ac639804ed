-- locked: relations that a session has locked, or waits to lock, in ACCESS EXCLUSIVE mode, and the tables whose index or TOAST table they are.
-- Why: to measure or describe one of them would wait, and a table is measured with its indexes and its TOAST table; for these the
--   values in the catalog are shown.
with
held as (
    select l.relation
    from pg_catalog.pg_locks as l
    where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
),
and_of_indexes as (
    select h.relation from held as h
    union
    select x.indrelid from pg_catalog.pg_index as x join held as h on h.relation = x.indexrelid
)
select a.relation from and_of_indexes as a
union
select c.oid from pg_catalog.pg_class as c join and_of_indexes as a on a.relation = c.reltoastrelid
