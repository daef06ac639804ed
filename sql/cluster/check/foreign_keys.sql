-- foreign_keys: foreign keys between a table that leaves the coordinator and one that is not chatschema's.
-- Why: a distributed table cannot refer to a local one, nor the other way round, and the key of a reference table is copied to all nodes.
with ours as (select to_regclass('public.' || name) as oid, name from unnest({moving}::text[]) as m (name))
select
    format('%I.%I', n.nspname, c.relname) as table_name,
    k.conname::text as name,
    format('%I.%I', fn.nspname, f.relname) as referenced
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as f on f.oid = k.confrelid
join pg_catalog.pg_namespace as fn on fn.oid = f.relnamespace
where k.contype = 'f' and k.conparentid = 0
    and (k.conrelid in (select o.oid from ours as o) or k.confrelid in (select o.oid from ours as o))
order by 1, 2
/* chatschema */
