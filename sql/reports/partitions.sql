-- partitions: the partition runway, gaps and other problems.
-- Why: A row without a partition is refused, so the application cannot send messages; or a default partition takes it, and blocks
--   the right partition later. Autovacuum analyzes partitions, but never the partitioned table, whose statistics the planner
--   uses. Bounds are read from the catalog, as times or as the time in a UUIDv7.
-- Check runway: the partitions created ahead run out; critical if rows are refused then.
-- Check gap: a period ahead has no partition, although a later one has.
-- Check default: the default partition has rows; each new partition has to scan them.
-- Check pending: a detach was interrupted.
-- Check analyze: a partitioned table with rows was never analyzed.
-- Check lost: a detached month is missing one of its tables.
-- Check skew: a partition is many times larger than the others.
-- Threshold runway_warn_days = 60: warn below this many days ahead
-- Threshold runway_critical_days = 30: critical below this many days ahead
-- Threshold analyze_min_rows = 10000: ignore partitioned tables with fewer rows that were never analyzed
-- Threshold skew_factor = 10: report partitions this many times larger than the median ...
-- Threshold skew_min_bytes = 1073741824: ... and at least this large
with recursive
locked as materialized ({locked}),
-- A partition may be partitioned again; its rows are in its parts.
members as (
    select i.inhrelid as part, i.inhrelid as member
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    union all
    select m.part, i.inhrelid
    from members as m
    join pg_catalog.pg_inherits as i on i.inhparent = m.member
),
held as materialized (
    select
        m.part,
        sum(case when m.reltuples >= 0 then m.reltuples::double precision else m.live end)::bigint as rows,
        sum(greatest(m.reltuples, m.live))::bigint as counted,
        bool_or(m.reltuples < 0 and m.bytes > 0) as is_uncounted,
        sum(m.bytes)::bigint as bytes
    from (
        select
            m.part,
            c.reltuples,
            pg_stat_get_live_tuples(c.oid) as live,
            {size_unless_locked} as bytes
        from members as m
        join pg_catalog.pg_class as c on c.oid = m.member and c.relkind in ('r', 'f')
        cross join lateral (select c.oid in (select l.relation from locked as l) as is_locked) as l
        -- offset 0: without it every relation of the catalog is measured before the join.
        offset 0
    ) as m
    group by m.part
),
reaches as materialized ({partition_bounds}),
leaves as materialized (
    select
        i.inhparent as parent,
        i.inhrelid as oid,
        i.inhdetachpending as is_pending,
        coalesce(i.inhrelid = p.partdefid, false) as is_default,
        coalesce(h.rows, 0) as rows,
        coalesce(h.counted, 0) as counted,
        coalesce(h.is_uncounted, false) as is_uncounted,
        coalesce(h.bytes, 0) as bytes,
        b.lower,
        b.upper,
        b.is_time
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    left join held as h on h.part = i.inhrelid
    left join reaches as b on b.part = i.inhrelid
),
parents as materialized (
    select
        c.oid,
        c.oid::regclass::text as object,
        quote_ident(n.nspname) as schema,
        c.relname as name,
        c.reltuples,
        p.partstrat,
        pg_stat_get_last_analyze_time(c.oid) as last_analyze,
        count(l.oid) as partitions,
        coalesce(sum(l.rows), 0)::bigint as rows,
        coalesce(sum(l.bytes), 0)::bigint as bytes,
        min(l.lower) filter (where isfinite(l.lower)) as lower,
        bool_or(isfinite(l.lower) or isfinite(l.upper)) as is_by_time,
        bool_or(l.is_default) as has_default,
        percentile_cont(0.5) within group (order by l.bytes) filter (where l.bytes > 0) as median
    from pg_catalog.pg_class as c
    join pg_catalog.pg_partitioned_table as p on p.partrelid = c.oid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join leaves as l on l.parent = c.oid and not l.is_pending
    where not c.relispartition and n.nspname !~ '^pg_'
    group by c.oid, c.relname, n.nspname, c.reltuples, p.partstrat
),
-- The partitions from now on; an edge is one whose end is not the start of the next.
ahead as (
    select l.parent, l.oid, l.lower, l.upper, l.is_time, l.upper is distinct from lead(l.lower) over w as is_edge, lead(l.lower) over w as next
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
    where p.partstrat = 'r' and (p.is_by_time or p.partitions = 0)
    group by p.oid
),
reach as (
    select
        p.*,
        n.has_runway,
        n.is_ours,
        u.until,
        case when n.has_runway then greatest(coalesce(extract(epoch from u.until - now()) / 86400, 0), 0) end as days,
        case when n.is_ours then 'chatschema partition ensure' else f.fix end as fix
    from parents as p
    left join runways as r on r.oid = p.oid
    -- A last partition without an upper bound takes all later rows.
    cross join lateral (
        select
            r.oid is not null and r.until is distinct from 'infinity' as has_runway,
            p.object in ('public.messages', 'public.message_statuses') as is_ours
    ) as n
    cross join lateral (select case when isfinite(r.until) then r.until end as until) as u
    -- The partitions to add are as long as the last one, in whole months if that is.
    left join lateral (
        select
            case
                when date_trunc('month', l.lower) = l.lower and date_trunc('month', l.upper) = l.upper then date_trunc('month', age(l.upper, l.lower))
                else l.upper - l.lower
            end as width
        from leaves as l
        where l.parent = p.oid and l.upper = u.until and l.is_time and isfinite(l.lower)
        limit 1
    ) as w on true
    cross join lateral (
        select
            coalesce(
                string_agg(format('create table %s partition of %s for values from (%L) to (%L);',
                    format('%s.%I', p.schema, p.name || to_char(m.lower at time zone 'UTC', '"_p"YYYYMMDD')), p.object,
                    to_char(m.lower at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00'), to_char((m.lower + w.width) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00')),
                    E'\n' order by m.lower),
                format('-- create the partition for the current time; \d+ %s shows the bounds of the others', p.object)
            ) as fix
        from generate_series(u.until, now() + make_interval(days => {runway_warn_days}::integer), w.width) as m (lower)
    ) as f
),
-- The months that chatschema recorded as detached. ts_stat runs a query given as text: a plain query cannot name a table that most
-- databases do not have, or that this role may not read.
detached as materialized (
    select s.word as month
    from (
        select coalesce(bool_or(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')), false) as is_readable
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'chatschema' and c.relname = 'retired_months'
    ) as r
    cross join lateral ts_stat(
        case when r.is_readable
            then 'select array_to_tsvector(array[to_char(month at time zone ''UTC'', ''YYYY-MM'')]) from chatschema.retired_months'
                ' where state in (''detaching'', ''detached'')'
            else 'select null::tsvector where false'
        end
    ) as s
)
select
    r.object, r.partitions, r.bytes as size_bytes, r.rows, r.lower as from_at, r.until as until_at, round(r.days) as runway_days, r.last_analyze as analyzed_at,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from reach as r
union all
select
    r.object, null, null, null, null, null, null, null,
    case
        when r.has_default then case when r.days < {runway_critical_days} then 'warn' else 'info' end
        when r.days < {runway_critical_days} then 'critical'
        else 'warn'
    end,
    'runway',
    case
        when r.until is null then 'no partition for the current time'
        else format('partitions for %s more days, until %s', round(r.days), to_char(r.until at time zone 'UTC', 'YYYY-MM-DD'))
    end || case when r.has_default then ': rows without a partition go to the default partition' else '' end,
    {runway_warn_days} - r.days, 0, r.fix, null
from reach as r
where r.has_runway and r.days < {runway_warn_days}
union all
select
    r.object, null, null, null, null, null, null, null, case when r.has_default then 'info' else 'warn' end, 'gap',
    format('no partition from %s to %s, but there is a later one', to_char(a.upper at time zone 'UTC', 'YYYY-MM-DD'), to_char(a.next at time zone 'UTC', 'YYYY-MM-DD'))
        || case when r.has_default then ': its rows go to the default partition' else '' end,
    null, null,
    case
        when not r.is_ours and a.is_time then format('create table %s partition of %s for values from (%L) to (%L);',
            format('%s.%I', r.schema, r.name || to_char(a.upper at time zone 'UTC', '"_p"YYYYMMDD')), r.object,
            to_char(a.upper at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00'), to_char(a.next at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00'))
        else r.fix
    end,
    null
from ahead as a
join reach as r on r.oid = a.parent
where a.is_edge and a.next is not null
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'warn', 'default',
    case
        when l.counted > 0 then format('about %s rows in the default partition', l.counted)
        else format('%s in the default partition, whose rows were never counted', pg_size_pretty(l.bytes))
    end,
    greatest(l.counted, 1), 0,
    case
        when l.parent in (to_regclass('public.messages'), to_regclass('public.message_statuses'))
            then E'-- prints the commands that empty and drop it\nchatschema partition plan'
        else format('-- in this order: detach %s; create the partitions that its rows need; insert its rows into %s; drop it', l.oid::regclass, l.parent::regclass)
    end,
    null
from leaves as l
where l.is_default and (l.counted > 0 or l.is_uncounted)
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'warn', 'pending', 'unavailable until its pending detach is finalized', null, null,
    format('alter table %s detach partition %s finalize;', l.parent::regclass, l.oid::regclass), null
from leaves as l
where l.is_pending
union all
select
    format('chat_partitions.%s', t.name), null, null, null, null, null, null, null, 'critical', 'lost',
    format('%s is detached, but this table of it is missing', d.month), null, null, E'-- shows what is missing and what to do\nchatschema partition list --check', null
from detached as d
join pg_catalog.pg_class as p on p.relkind = 'p' and p.relnamespace = to_regnamespace('public') and p.relname in ('messages', 'message_statuses')
cross join lateral (select p.relname || '_y' || replace(d.month, '-', 'm') as name) as t
where not exists (
    select from pg_catalog.pg_class as c where c.relnamespace = to_regnamespace('chat_partitions') and c.relname = t.name
)
union all
select
    p.object, null, null, null, null, null, null, null, 'warn', 'analyze', format('the partitioned table was never analyzed; %s rows in its partitions', p.rows), p.rows, {analyze_min_rows},
    format('analyze %s;', p.object), null
from parents as p
where p.last_analyze is null and p.reltuples < 0 and p.rows >= {analyze_min_rows}
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'info', 'skew',
    format('%s, %s times the median partition of its table', pg_size_pretty(l.bytes), round((l.bytes / p.median)::numeric)), l.bytes, (p.median * {skew_factor})::numeric, null, null
from leaves as l
join parents as p on p.oid = l.parent
where l.bytes >= {skew_min_bytes} and l.bytes >= p.median * {skew_factor}
order by size_bytes desc nulls last, object
