-- partitions: how far ahead the months reach, and what is wrong with them.
-- Why: a row whose month has no partition is refused: the application cannot send. Autovacuum analyzes partitions, never the table
--   they are parts of, and the planner asks that one. The bounds are read from the catalog: by time, or by the time in a UUIDv7.
-- Check runway: the partitions made ahead run out.
-- Check gap: a period ahead that has no partition while a later one has.
-- Check default: rows in a default partition; each new partition has to read them all.
-- Check pending: a detach that was cut off.
-- Check analyze: a partitioned table whose parts have rows, that was never analyzed.
-- Check skew: a partition many times larger than the others.
-- Threshold runway_warn_days = 60: days ahead below which it is a warning
-- Threshold runway_critical_days = 30: days ahead below which it is critical
-- Threshold analyze_min_rows = 10000: rows from which a partitioned table should have been analyzed
-- Threshold skew_factor = 10: times the median that is skew
-- Threshold skew_min_bytes = 1073741824: and the size from which it matters
with
locked as materialized ({locked}),
leaves as materialized (
    select
        i.inhparent as parent,
        c.oid,
        i.inhdetachpending as is_pending,
        coalesce(c.oid = p.partdefid, false) as is_default,
        greatest(c.reltuples, 0)::bigint as rows,
        case when c.oid in (select l.relation from locked as l) then c.relpages::bigint * current_setting('block_size')::integer else pg_relation_size(c.oid) end as bytes,
        case
            when b.lower ~ '^[0-9a-f]{{8}}-' then to_timestamp(('x' || left(replace(b.lower, '-', ''), 12))::bit(48)::bigint / 1000.0)
            when b.lower ~ '^\d{{4}}-' then b.lower::timestamptz
        end as lower,
        case
            when b.upper ~ '^[0-9a-f]{{8}}-' then to_timestamp(('x' || left(replace(b.upper, '-', ''), 12))::bit(48)::bigint / 1000.0)
            when b.upper ~ '^\d{{4}}-' then b.upper::timestamptz
        end as upper
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    cross join lateral (
        -- A bound names no column, so no table has to be opened, and locked, to read it: 0 stands for none.
        select regexp_match(pg_get_expr(c.relpartbound, 0), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') as found
    ) as m
    cross join lateral (select m.found[1] as lower, m.found[2] as upper) as b
),
parents as materialized (
    select
        c.oid,
        c.oid::regclass::text as object,
        c.reltuples,
        p.partstrat,
        s.last_analyze,
        count(l.oid) as partitions,
        coalesce(sum(l.rows), 0)::bigint as rows,
        coalesce(sum(l.bytes), 0)::bigint as bytes,
        min(l.lower) as lower,
        percentile_cont(0.5) within group (order by l.bytes) filter (where l.bytes > 0) as median
    from pg_catalog.pg_class as c
    join pg_catalog.pg_partitioned_table as p on p.partrelid = c.oid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join pg_catalog.pg_stat_user_tables as s on s.relid = c.oid
    left join leaves as l on l.parent = c.oid and not l.is_pending
    where not c.relispartition and n.nspname !~ '^pg_'
    group by c.oid, c.reltuples, p.partstrat, s.last_analyze
),
-- From now on, as long as each one begins where the one before ends.
ahead as (
    select l.parent, l.oid, l.lower, l.upper, l.upper is distinct from lead(l.lower) over w as is_edge, lead(l.lower) over w as next
    from leaves as l
    where l.upper > now() and not l.is_pending
    window w as (partition by l.parent order by l.lower)
),
runways as (
    select
        p.oid,
        case
            when min(a.lower) <= now() then min(a.upper) filter (where a.is_edge)
        end as until
    from parents as p
    left join ahead as a on a.parent = p.oid
    where p.partstrat = 'r' and (p.lower is not null or p.partitions = 0)
    group by p.oid
),
reach as (
    select p.*, r.oid is not null as has_runway, r.until, greatest(extract(epoch from r.until - now()) / 86400, 0) as days
    from parents as p
    left join runways as r on r.oid = p.oid
)
select
    r.object, r.partitions, r.bytes as size_bytes, r.rows, r.lower as from_at, r.until as until_at, round(r.days) as runway_days, r.last_analyze as analyzed_at,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from reach as r
union all
select
    r.object, null, null, null, null, null, null, null,
    case when coalesce(r.days, 0) < {runway_critical_days} then 'critical' else 'warn' end,
    'runway',
    case
        when r.until is null then 'no partition for what is written now'
        else format('partitions for %s more days, until %s', round(r.days), to_char(r.until at time zone 'UTC', 'YYYY-MM-DD'))
    end,
    {runway_warn_days} - coalesce(r.days, 0), 0, 'chatschema partition ensure', null
from reach as r
where r.has_runway and coalesce(r.days, 0) < {runway_warn_days}
union all
select
    r.object, null, null, null, null, null, null, null, 'warn', 'gap',
    format('nothing from %s to %s, though there is a partition after it', to_char(a.upper at time zone 'UTC', 'YYYY-MM-DD'), to_char(a.next at time zone 'UTC', 'YYYY-MM-DD')),
    null, null, 'chatschema partition ensure', null
from ahead as a
join parents as r on r.oid = a.parent
where a.is_edge and a.next is not null
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'warn', 'default', format('about %s rows in the default partition', l.rows), l.rows, 0,
    '-- move them to partitions of their own, then: drop the default partition', null
from leaves as l
where l.is_default and l.rows > 0
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'warn', 'pending', 'its detach was cut off: readers see it or not, as they began', null, null,
    format('alter table %s detach partition %s finalize;', l.parent::regclass, l.oid::regclass), null
from leaves as l
where l.is_pending
union all
select
    p.object, null, null, null, null, null, null, null, 'warn', 'analyze', format('never analyzed as a whole, %s rows in its partitions', p.rows), p.rows, {analyze_min_rows},
    format('analyze %s;', p.object), null
from parents as p
where p.last_analyze is null and p.reltuples < 0 and p.rows >= {analyze_min_rows}
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'info', 'skew',
    format('%s, %s times the median of its table', pg_size_pretty(l.bytes), round((l.bytes / p.median)::numeric)), l.bytes, (p.median * {skew_factor})::numeric, null, null
from leaves as l
join parents as p on p.oid = l.parent
where l.bytes >= {skew_min_bytes} and l.bytes >= p.median * {skew_factor}
order by size_bytes desc nulls last, object
