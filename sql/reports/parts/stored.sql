-- stored: the relations that store the rows of each table: the table, and the TOAST table with its long values; beside table_tree.
-- Why: a TOAST table grows, empties and is vacuumed separately from its table, and nobody knows its own name.
select t.root, c.oid as owner, s.member, s.is_toast, s.object
from table_tree as t
join pg_catalog.pg_class as c on c.oid = t.member and c.relkind in ('r', 'm')
cross join lateral (
    values
        (c.oid, false, c.oid::regclass::text),
        (c.reltoastrelid, true, format('%s (TOAST)', c.oid::regclass))
) as s (member, is_toast, object)
where s.member <> 0
