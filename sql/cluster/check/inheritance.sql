-- inheritance: tables that inherit from one that leaves the coordinator, without being a month of it.
-- Why: Citus distributes no parent of an inheritance.
select format('%I.%I', n.nspname, c.relname) as table_name, format('%I.%I', cn.nspname, child.relname) as name
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as child on child.oid = i.inhrelid and not child.relispartition
join pg_catalog.pg_namespace as cn on cn.oid = child.relnamespace
join pg_catalog.pg_class as c on c.oid = i.inhparent
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where i.inhparent in (select to_regclass('public.' || m.name) from unnest({moving}::text[]) as m (name))
order by 1, 2
/* chatschema */
