-- others: rules of the tables that leave the coordinator, and tables that inherit from one without being a month of it.
-- Why: Citus distributes neither.
with ours as (select to_regclass('public.' || m.name) as oid from unnest({moving}::text[]) as m (name))
select 'rule' as kind, format('%I.%I', n.nspname, c.relname) as table_name, r.rulename::text as name
from pg_catalog.pg_rewrite as r
join pg_catalog.pg_class as c on c.oid = r.ev_class
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where r.ev_class in (select o.oid from ours as o)
union all
select 'inheritance', format('%I.%I', n.nspname, c.relname), format('%I.%I', cn.nspname, child.relname)
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as child on child.oid = i.inhrelid and not child.relispartition
join pg_catalog.pg_namespace as cn on cn.oid = child.relnamespace
join pg_catalog.pg_class as c on c.oid = i.inhparent
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where i.inhparent in (select o.oid from ours as o)
order by 1, 2, 3
/* chatschema */
