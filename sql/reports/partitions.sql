-- partitions: how far ahead the months reach, and what is wrong with them.
-- Why: a row whose month has no partition is refused: the application cannot send; or a default partition takes it, and is in the
--   way later. Autovacuum analyzes partitions, never the table they are parts of, and the planner asks that one. The bounds are
--   read from the catalog: by time, or by the time in a UUIDv7.
-- Check runway: the partitions made ahead run out; critical where rows are refused then.
-- Check gap: a period ahead that has no partition while a later one has.
-- Check default: rows in a default partition; each new partition has to read them all.
-- Check pending: a detach that was cut off.
-- Check analyze: a partitioned table whose parts have rows, that was never analyzed.
-- Check lost: a month that was detached, and has a table less than it had.
-- Check skew: a partition many times larger than the others.
-- Threshold runway_warn_days = 60: days ahead below which it is a warning
-- Threshold runway_critical_days = 30: days ahead below which it is critical
-- Threshold analyze_min_rows = 10000: rows from which a partitioned table should have been analyzed
-- Threshold skew_factor = 10: times the median that is skew
-- Threshold skew_min_bytes = 1073741824: and the size from which it matters
with recursive
locked as materialized ({locked}),
-- A partition may be partitioned again; what it holds is in its parts.
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
            case
                when c.oid in (select l.relation from locked as l) then c.relpages::bigint * current_setting('block_size')::integer
                else pg_relation_size(c.oid)
            end as bytes
        from members as m
        join pg_catalog.pg_class as c on c.oid = m.member and c.relkind in ('r', 'f')
        -- offset 0: else every relation of the catalog is measured before the join.
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
-- From now on, as long as each one begins where the one before ends.
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
    -- A last partition without an end takes all that comes.
    cross join lateral (
        select
            r.oid is not null and r.until is distinct from 'infinity' as has_runway,
            p.object in ('public.messages', 'public.message_statuses') as is_ours
    ) as n
    cross join lateral (select case when isfinite(r.until) then r.until end as until) as u
    -- More of the same: as long as the last, in whole months where that is.
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
                format('-- create the partition that what is written now falls in: the bounds of the others are in \d+ %s', p.object)
            ) as fix
        from generate_series(u.until, now() + make_interval(days => {runway_warn_days}::integer), w.width) as m (lower)
    ) as f
),
-- What was detached, as chatschema recorded it. As a text for ts_stat, which runs it, as a query cannot name a table that most databases
-- do not have, or that this role may not read.
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
        when r.until is null then 'no partition for what is written now'
        else format('partitions for %s more days, until %s', round(r.days), to_char(r.until at time zone 'UTC', 'YYYY-MM-DD'))
    end || case when r.has_default then ': rows without one go to the default partition' else '' end,
    {runway_warn_days} - r.days, 0, r.fix, null
from reach as r
where r.has_runway and r.days < {runway_warn_days}
union all
select
    r.object, null, null, null, null, null, null, null, case when r.has_default then 'info' else 'warn' end, 'gap',
    format('nothing from %s to %s, though there is a partition after it', to_char(a.upper at time zone 'UTC', 'YYYY-MM-DD'), to_char(a.next at time zone 'UTC', 'YYYY-MM-DD'))
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
        else format('%s of rows in the default partition, never counted', pg_size_pretty(l.bytes))
    end,
    greatest(l.counted, 1), 0,
    case
        when l.parent in (to_regclass('public.messages'), to_regclass('public.message_statuses'))
            then E'-- prints the commands that empty and drop it, filled in\nchatschema partition plan'
        else format('-- in this order: detach %s; create the partitions that its rows need; insert them into %s; drop it', l.oid::regclass, l.parent::regclass)
    end,
    null
from leaves as l
where l.is_default and (l.counted > 0 or l.is_uncounted)
union all
select
    l.oid::regclass::text, null, null, null, null, null, null, null, 'warn', 'pending', 'its detach was cut off: readers see it or not, as they began', null, null,
    format('alter table %s detach partition %s finalize;', l.parent::regclass, l.oid::regclass), null
from leaves as l
where l.is_pending
union all
select
    format('chat_partitions.%s', t.name), null, null, null, null, null, null, null, 'critical', 'lost',
    format('%s was detached, and this table of it cannot be found', d.month), null, null, E'-- says what is missing and what to do\nchatschema partition list --check', null
from detached as d
join pg_catalog.pg_class as p on p.relkind = 'p' and p.relnamespace = to_regnamespace('public') and p.relname in ('messages', 'message_statuses')
cross join lateral (select p.relname || '_y' || replace(d.month, '-', 'm') as name) as t
where not exists (
    select from pg_catalog.pg_class as c where c.relnamespace = to_regnamespace('chat_partitions') and c.relname = t.name
)
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
