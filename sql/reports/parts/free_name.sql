-- free_name: a name for a new index that no relation of its schema has; beside `wanted` with base, ending, relnamespace and is_partitioned.
-- Why: PostgreSQL cuts names at 63 bytes, so the base is cut at 50, and a number is added while the name is taken. The parts of a
--   partitioned index get a number behind its name, so no relation may have such a name either.
select w.name
from (
    select left(wanted.base, g.at) || wanted.ending as name
    from generate_series(1, 63) as g (at)
    where octet_length(left(wanted.base, g.at)) <= 50
    order by g.at desc
    limit 1
) as cut
cross join generate_series(1, 99) as g (number)
cross join lateral (select cut.name || case when g.number > 1 then '_' || g.number else '' end as name) as w
where not exists (
    select from pg_catalog.pg_class as o
    where (o.relname = w.name and o.relnamespace = wanted.relnamespace)
        or (wanted.is_partitioned and starts_with(o.relname::text, w.name || '_') and substr(o.relname::text, length(w.name) + 2) ~ '^\d+$')
)
order by g.number
limit 1
