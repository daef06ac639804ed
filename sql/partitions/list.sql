-- list: the partitions of tables in the order of the list, with their bounds as times, and whether their detach was interrupted.
-- Why: the catalog is the source of truth for partitions; names are never used to decide.
select
    parents.name as parent,
    child.relname as name,
    i.inhdetachpending as is_pending,
    chatschema.uuid7_time((bounds.parts)[1]::uuid) as lower,
    chatschema.uuid7_time((bounds.parts)[2]::uuid) as upper
from unnest(%(tables)s::text[]) with ordinality as parents (name, number)
join pg_catalog.pg_inherits as i on i.inhparent = to_regclass(format('public.%%I', parents.name))
join pg_catalog.pg_class as child on child.oid = i.inhrelid
cross join lateral (
    -- A bound names no column, so no table has to be opened, and locked, to read it: 0 means no table.
    select regexp_match(pg_get_expr(child.relpartbound, 0), 'FROM \(''([0-9a-f-]{36})''\) TO \(''([0-9a-f-]{36})''\)')
) as bounds (parts)
order by parents.number, 4
