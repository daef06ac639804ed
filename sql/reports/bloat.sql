-- bloat: the estimated empty space in tables.
-- Why: The space of deleted and vacuumed rows is reused by the same table, but scans still read it and backups still copy it. The
--   estimate uses the row counts and widths from ANALYZE, so it is never critical; tables without these statistics are listed. A
--   TOAST table stores long values in chunks, four to a page, so for it the least possible empty space is given. Indexes are not
--   estimated: with many equal keys an estimate is wrong by a factor of three. bloat-exact measures tables, TOAST tables and indexes.
-- Check table: a large share of a table, or of its TOAST table, is empty.
-- Check unreadable: this role may not read the statistics of all columns of some tables.
-- Check unmeasured: tables that were never analyzed, or not since they were filled.
-- Threshold warn_pct = 30: warn from this percentage of empty space ...
-- Threshold warn_bytes = 104857600: ... if at least this much is empty
-- Threshold min_bytes = 1048576: do not estimate smaller tables
-- Runs on: primary
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree}),
stored as ({stored}),
sized as materialized (
    select
        s.owner, s.member, s.is_toast, s.object, c.reltuples, c.relpages, c.reloptions,
        {size_unless_locked} as bytes
    from stored as s
    join pg_catalog.pg_class as c on c.oid = s.member
    cross join lateral (
        select c.oid in (select l.relation from locked as l) or s.owner in (select l.relation from locked as l) as is_locked
    ) as l
),
tables as materialized (
    select
        s.*,
        coalesce((select o.option_value::integer from pg_options_to_table(s.reloptions) as o where o.option_name = 'fillfactor'), 100) as fillfactor,
        -- A role sees the statistics of the columns that it may read, and none where row level security hides rows from it.
        s.is_toast or not row_security_active(s.member) and not exists (
            select from pg_catalog.pg_attribute as a
            where a.attrelid = s.member and a.attnum > 0 and not a.attisdropped and not has_column_privilege(s.member, a.attnum, 'select')
        ) as is_readable,
        -- As dense as when the rows were counted: a table that has grown since is not emptier. Before its first vacuum the
        -- chunks of a TOAST table are only in the statistics.
        case
            when s.reltuples >= 0 and s.relpages > 0 then s.reltuples / s.relpages * (s.bytes / current_setting('block_size')::integer)
            when s.is_toast then nullif(pg_stat_get_live_tuples(s.member), 0)
        end as rows
    from sized as s
    where s.bytes >= {min_bytes} and s.bytes > 0
),
widths as (
    select
        t.member,
        count(*) as columns,
        sum((1 - s.null_frac) * s.avg_width) as width,
        bool_or(s.null_frac > 0) as has_nulls
    from tables as t
    join pg_catalog.pg_class as c on c.oid = t.member
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_stats as s on s.schemaname = n.nspname and s.tablename = c.relname and not s.inherited
    group by t.member
),
estimated as (
    select
        t.*,
        case
            when t.is_toast then ceil(t.rows / 4.0)
            -- A row: its header and null bits, its columns, both rounded up to 8, and 4 bytes that point to it. A page: 24 bytes less.
            else ceil(
                t.rows * (
                    ceil((23 + case when w.has_nulls then (w.columns + 7) / 8 else 0 end) / 8.0) * 8 + ceil(w.width / 8.0) * 8 + 4
                ) / ((current_setting('block_size')::integer - 24) * t.fillfactor / 100.0)
            )
        end * current_setting('block_size')::integer as needed
    from tables as t
    left join widths as w on w.member = t.member
    where t.rows is not null and t.is_readable and (t.is_toast or w.member is not null)
),
judged as (
    select
        e.*,
        greatest(e.bytes - e.needed, 0)::bigint as empty,
        100 * greatest(e.bytes - e.needed, 0)::double precision / e.bytes as empty_pct,
        case when e.is_toast then 'at least' else 'about' end as how_sure
    from estimated as e
)
select
    j.object, j.empty as empty_bytes, round(j.empty_pct::numeric, 1) as empty_pct, j.bytes as size_bytes,
    case when j.is_toast then 'at least' else 'estimate' end as method,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from judged as j
union all
select
    j.object, null, null, null, null, 'warn', 'table',
    format('%s %s %% is empty: %s of %s (estimate)', j.how_sure, round(j.empty_pct), pg_size_pretty(j.empty), pg_size_pretty(j.bytes)),
    j.empty_pct::numeric, {warn_pct},
    format(E'-- blocks all access to the table while it is rewritten; pg_repack does not\nvacuum (full, analyze) %s;', j.owner::regclass), null
from judged as j
where j.empty_pct >= {warn_pct} and j.empty >= {warn_bytes}
union all
select
    null, null, null, null, null, 'not evaluated', 'unreadable',
    format('this role may not read the statistics of %s tables: %s%s', count(*),
        array_to_string((array_agg(t.object order by t.bytes desc))[1:3], ', '), case when count(*) > 3 then ', ...' end),
    null, null,
    format('grant pg_read_all_data to %I;', current_user)
        || case when bool_or(row_security_active(t.member)) then format(E'\nalter role %I bypassrls;', current_user) else '' end,
    null
from tables as t
where not t.is_readable
having count(*) > 0
union all
select
    null, null, null, null, null, 'not evaluated', 'unmeasured',
    format('%s tables cannot be estimated because they were never analyzed, or not since they were filled: %s%s', count(*),
        array_to_string((array_agg(t.object order by t.bytes desc))[1:3], ', '), case when count(*) > 3 then ', ...' end),
    null, null, string_agg(format(case when t.is_toast then 'vacuum %s;' else 'analyze %s;' end, t.owner::regclass), E'\n' order by t.bytes desc), null
from tables as t
where t.is_readable and not exists (select from estimated as e where e.member = t.member)
    -- Autovacuum counts a small TOAST table within a minute: it is listed only if it could be a warning.
    and (t.bytes >= {warn_bytes} or not t.is_toast and (t.rows is not null or t.reltuples < 0))
having count(*) > 0
order by empty_bytes desc nulls last, object
