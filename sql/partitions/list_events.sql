-- list_events: the partitions of the events with their bounds; the default one has none, and its size says whether it has rows.
-- Why: the catalog is the source of truth for partitions; names are never used to decide. A login that may not read events may ask.
select
    child.relname as name,
    (bounds.parts)[1]::timestamptz as lower,
    (bounds.parts)[2]::timestamptz as upper,
    case when bounds.parts is null then pg_relation_size(child.oid) end as bytes_without_month,
    clock_timestamp() as asked_at
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as child on child.oid = i.inhrelid
cross join lateral (
    select regexp_match(pg_get_expr(child.relpartbound, 0), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)')
) as bounds (parts)
where i.inhparent = to_regclass('chatschema.events')
order by 2 nulls last
