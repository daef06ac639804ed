-- months: the attached partitions of messages and message_statuses, with their bounds, estimated rows, and bytes with indexes.
-- Why: the growth of the database is read from its months. Nothing is opened or counted, so a locked or large month costs nothing;
--   rows are those of the last ANALYZE, in proportion to the pages that the table has now.
with
locked as materialized ({locked}),
parts as (
    select parents.name as parent, c.oid, c.relpages, c.reltuples, pg_get_expr(c.relpartbound, 0) as bounds
    from (values ('messages'), ('message_statuses')) as parents (name)
    join pg_catalog.pg_inherits as i on i.inhparent = to_regclass('public.' || parents.name)
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
)
select
    p.parent,
    (regexp_match(p.bounds, 'FROM \(''([0-9a-f-]{{36}})'''))[1] as lower,
    (regexp_match(p.bounds, 'TO \(''([0-9a-f-]{{36}})'''))[1] as upper,
    case
        when s.pages = 0 then 0
        when p.reltuples >= 0 and p.relpages > 0 then (p.reltuples / p.relpages * s.pages)::bigint
        else nullif(pg_stat_get_live_tuples(p.oid), 0)
    end as rows,
    s.bytes
from parts as p
cross join lateral (
    select
        case when l.is_locked then p.relpages else pg_relation_size(p.oid) / current_setting('block_size')::integer end as pages,
        case
            when l.is_locked then p.relpages::bigint * current_setting('block_size')::integer
            else pg_total_relation_size(p.oid)
        end as bytes
    from (select p.oid in (select k.relation from locked as k) as is_locked) as l
) as s
where p.bounds is not null
order by 2, 1
/* chatschema */
