-- index_tree: every index of the database's own tables, and the topmost partitioned index that it belongs to.
-- Why: a part of a partitioned index cannot be dropped alone, and is used wherever the whole is.
select x.indexrelid as root, x.indexrelid as member
from pg_catalog.pg_index as x
join pg_catalog.pg_class as c on c.oid = x.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
union all
select t.root, i.inhrelid
from index_tree as t
join pg_catalog.pg_inherits as i on i.inhparent = t.member
