-- foreign_keys: each foreign key, and under it those that its partitions have of it.
-- Why: a partition's columns have numbers of their own; `root` is the one that somebody made.
select f.oid as root, f.oid, f.conname, f.conrelid, f.confrelid, f.confdeltype = 'c' as is_cascade, f.conkey
from pg_catalog.pg_constraint as f
where f.contype = 'f' and f.conparentid = 0
union all
select p.root, f.oid, f.conname, f.conrelid, f.confrelid, p.is_cascade, f.conkey
from foreign_keys as p
-- Those that a partitioned table has been given for the partitions of what it refers to are on the same table.
join pg_catalog.pg_constraint as f on f.conparentid = p.oid and f.confrelid = p.confrelid and f.conrelid <> p.conrelid
