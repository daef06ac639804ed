-- foreign_keys: each foreign key, followed by those that partitions inherit from it.
-- Why: a partition numbers its columns differently; `root` is the foreign key that somebody created.
select f.oid as root, f.oid, f.conname, f.conrelid, f.confrelid, f.confdeltype = 'c' as is_cascade, f.conkey
from pg_catalog.pg_constraint as f
where f.contype = 'f' and f.conparentid = 0
union all
select p.root, f.oid, f.conname, f.conrelid, f.confrelid, p.is_cascade, f.conkey
from foreign_keys as p
-- For each partition of the referenced table, PostgreSQL adds a constraint on the same table; those are left out.
join pg_catalog.pg_constraint as f on f.conparentid = p.oid and f.confrelid = p.confrelid and f.conrelid <> p.conrelid
