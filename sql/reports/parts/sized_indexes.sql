-- sized_indexes: every part of every index as t, with its pg_class as c, and as l whether it or its table is locked; beside index_tree
--   and locked. size_unless_locked gives its size.
index_tree as t
join pg_catalog.pg_class as c on c.oid = t.member
join pg_catalog.pg_index as x on x.indexrelid = t.member
cross join lateral (
    select t.member in (select relation from locked) or x.indrelid in (select relation from locked) as is_locked
) as l
