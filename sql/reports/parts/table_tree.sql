-- table_tree: every table of the database's own, and the topmost partitioned table that it belongs to.
-- Why: people think in tables; the counts of partitions belong to them.
select c.oid as root, c.oid as member
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
union all
select t.root, i.inhrelid
from table_tree as t
join pg_catalog.pg_inherits as i on i.inhparent = t.member
join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition and c.relkind in ('r', 'p', 'f')
