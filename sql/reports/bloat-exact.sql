-- bloat-exact: the measured empty space in tables and indexes.
-- Why: This report reads tables and indexes completely, which takes time: raise --timeout. The empty share of a table is the space that
--   a rewrite of its rows would save. The empty share of a B-tree is the space that packing its leaf pages to the fill factor would
--   save. Emptied pages that wait for reuse count as empty; avg_leaf_density alone ignores them. Wide keys leave space on each page
--   that no rebuild fills.
-- Check table: a large share of a table, or of its TOAST table, is empty.
-- Check index: a large share of an index is empty.
-- Check skipped: locked relations were not measured.
-- Threshold warn_pct = 30: report relations from this percentage of empty space
-- Threshold warn_bytes = 104857600: warn if at least this much is empty; below it the finding is info
-- Threshold critical_pct = 50: critical from this percentage of empty space ...
-- Threshold critical_bytes = 1073741824: ... if at least this much is empty
-- Threshold min_bytes = 1048576: do not measure smaller relations
-- Needs: pgstattuple
-- Fully: pg_stat_scan_tables
-- Runs on: primary
-- Overview: no
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree}),
stored as ({stored}),
candidates as materialized (
    select
        c.oid, s.owner, c.relkind,
        case when s.is_toast and c.relkind = 'i' then format('%s of %s', c.oid::regclass, s.object) when s.is_toast then s.object else c.oid::regclass::text end as object,
        bool_or(l.relation is not null) as is_locked,
        coalesce((select o.option_value::integer from pg_options_to_table(c.reloptions) as o where o.option_name = 'fillfactor'),
            case when c.relkind = 'i' then 90 else 100 end) as fillfactor
    from stored as s
    left join pg_catalog.pg_index as x on x.indrelid = s.member
    join pg_catalog.pg_class as c on c.oid in (s.member, x.indexrelid)
    left join pg_catalog.pg_am as a on a.oid = c.relam
    left join locked as l on l.relation in (c.oid, s.member, s.owner)
    where c.relkind <> 'i' or (a.amname = 'btree' and x.indisvalid)
    group by c.oid, s.owner, s.is_toast, s.object, c.relkind, c.reloptions
),
sized as materialized (
    select c.*, pg_relation_size(c.oid) as bytes from candidates as c where not c.is_locked
),
measured as materialized (
    select s.*, (s.bytes * (1 - coalesce(nullif(i.avg_leaf_density, 'NaN'), 0) * i.leaf_pages / s.fillfactor / nullif(s.bytes / current_setting('block_size')::integer, 0)))::bigint as empty
    from sized as s
    cross join lateral {pgstattuple}.pgstatindex(s.oid::regclass) as i
    where s.relkind = 'i' and s.bytes >= {min_bytes} and s.bytes > 0
    union all
    -- Not free_space: it leaves out the pointers of removed rows, which a rebuild does save.
    select s.*, (
        s.bytes - ceil(
            p.tuple_count * (ceil(p.tuple_len / greatest(p.tuple_count, 1) / 8.0) * 8 + 4)
            / ((current_setting('block_size')::integer - 24) * s.fillfactor / 100.0)
        ) * current_setting('block_size')::integer
    )::bigint
    from sized as s
    cross join lateral {pgstattuple}.pgstattuple(s.oid::regclass) as p
    where s.relkind <> 'i' and s.bytes >= {min_bytes} and s.bytes > 0
),
judged as (
    select
        m.oid, m.owner, m.object, case when m.relkind = 'i' then 'index' else 'table' end as kind,
        greatest(m.empty, 0) as empty, 100.0 * greatest(m.empty, 0) / m.bytes as empty_pct, m.bytes
    from measured as m
)
select
    j.object, j.kind, j.empty as empty_bytes, round(j.empty_pct, 1) as empty_pct, j.bytes as size_bytes,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from judged as j
union all
select
    j.object, null, null, null, null,
    case
        when j.empty < {warn_bytes} then 'info'
        when j.empty_pct >= {critical_pct} and j.empty >= {critical_bytes} then 'critical'
        else 'warn'
    end,
    j.kind,
    format('%s %% is empty: %s of %s', round(j.empty_pct), pg_size_pretty(j.empty), pg_size_pretty(j.bytes)),
    j.empty_pct, {warn_pct},
    case
        when j.kind = 'index' then format('reindex index concurrently %s;', j.oid::regclass)
        else format(E'-- blocks all access to the table while it is rewritten; pg_repack does not\nvacuum (full, analyze) %s;', j.owner::regclass)
    end,
    null
from judged as j
where j.empty_pct >= {warn_pct}
union all
select
    null, null, null, null, null, 'not evaluated', 'skipped',
    format('%s relations are locked and were not measured', count(*)), null, null, 'chatschema report locks', null
from candidates as c
where c.is_locked
having count(*) > 0
order by empty_bytes desc nulls last, object
