-- list_events: the partitions of the events with their bounds, and whether the default one has rows.
-- Why: the catalog is the source of truth for partitions; names are never used to decide. One query, as status asks it each time.
select
    child.relname as name,
    (bounds.parts)[1]::timestamptz as lower,
    (bounds.parts)[2]::timestamptz as upper,
    (select min(e.recorded_at) from chat_partitions.events_default as e) as oldest_without_month
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as child on child.oid = i.inhrelid
cross join lateral (
    select regexp_match(pg_get_expr(child.relpartbound, 0), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)')
) as bounds (parts)
where i.inhparent = to_regclass('chatschema.events')
order by 2 nulls last
