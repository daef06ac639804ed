-- tables: the size, rows and traffic of each table.
-- Why: Start with what is large, and what is read completely. A table that most queries read by index, but that is also read
--   completely a thousand times a day, has a query without an index. Partitions are summed. table_bytes is the rows with their
--   maps of free space and visibility, toast_bytes the long values stored separately, with their index, indexes_bytes the table's
--   own indexes; size_bytes is the sum. rows_est is an estimate by ANALYZE or by the statistics.
-- Check scanned: a large table is often read completely.
-- Check hot: updates of a table write to every index, and its fillfactor leaves no free space on its pages.
-- Check unlogged: a crash empties the table.
-- Check unvalidated: the rows from before a constraint were never checked against it.
-- Threshold scanned_min_rows = 10000: ignore tables with fewer rows
-- Threshold scanned_index_pct = 95: report a table when less than this percentage of its scans uses an index ...
-- Threshold scanned_rows_per_day = 10000000: ... and its sequential scans read this many rows per day
-- Threshold scanned_min_days = 1: do not judge sequential scans before the statistics cover this many days
-- Threshold hot_min_updates = 100000: ignore tables with fewer updates
-- Threshold hot_pct = 50: report a table below this percentage of HOT updates, which stay on their page and write to no index
-- Counters: seq_scans, index_scans, inserted, updated, deleted
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree}),
tables as materialized (
    select
        t.root,
        count(*) filter (where c.relispartition and c.relkind = 'r') as partitions,
        sum(case when c.reltuples >= 0 then c.reltuples else s.n_live_tup end)::bigint as rows,
        sum(z.heap)::bigint as heap,
        sum(z.toast)::bigint as toast,
        sum(z.indexes)::bigint as indexes,
        bool_or(l.is_locked) as is_locked,
        sum(s.seq_scan)::bigint as seq_scans,
        -- Just after a reset the days are 0: they are rounded to a thousandth.
        sum(s.seq_tup_read)::numeric / greatest({stats_days}, 0.001) as seq_rows_per_day,
        sum(coalesce(s.idx_scan, 0))::bigint as index_scans,
        sum(s.n_tup_ins)::bigint as inserted,
        sum(s.n_tup_upd)::bigint as updated,
        sum(s.n_tup_hot_upd)::bigint as hot,
        sum(s.n_tup_del)::bigint as deleted,
        -- Since version 16 the server counts the updates that found no room on their page.
        sum(case when s.n_tup_upd > s.n_tup_hot_upd then (to_jsonb(s) ->> 'n_tup_newpage_upd')::bigint end) as moved,
        array_agg(c.oid::regclass::text order by c.oid::regclass::text) filter (
            where s.n_tup_upd > 0 and not exists (select from pg_options_to_table(c.reloptions) as o where o.option_name = 'fillfactor')
        ) as full_pages,
        array_agg(c.oid::regclass::text order by c.oid::regclass::text) filter (where c.relpersistence = 'u') as unlogged
    from table_tree as t
    join pg_catalog.pg_class as c on c.oid = t.member and c.relkind in ('r', 'm')
    join pg_catalog.pg_stat_user_tables as s on s.relid = t.member
    cross join lateral (select c.oid in (select l.relation from locked as l) as is_locked) as l
    -- For a locked table: its size when it was last vacuumed or analyzed.
    cross join lateral (
        select
            c.relpages::bigint * b.size as heap,
            coalesce((
                select sum(r.relpages)::bigint * b.size
                from pg_catalog.pg_class as r
                where r.oid = c.reltoastrelid or r.oid in (select x.indexrelid from pg_catalog.pg_index as x where x.indrelid = c.reltoastrelid)
            ), 0) as toast,
            coalesce((
                select sum(r.relpages)::bigint * b.size
                from pg_catalog.pg_index as x
                join pg_catalog.pg_class as r on r.oid = x.indexrelid
                where x.indrelid = c.oid
            ), 0) as indexes
        from (select current_setting('block_size')::integer as size) as b
        where l.is_locked
        union all
        select pg_table_size(c.oid) - o.toast, o.toast, pg_indexes_size(c.oid)
        from (select coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) as toast) as o
        where not l.is_locked
    ) as z
    group by t.root
)
select
    t.root::regclass::text as object, t.heap + t.indexes + t.toast as size_bytes, t.rows as rows_est, t.heap as table_bytes,
    t.indexes as indexes_bytes, t.toast as toast_bytes, t.partitions,
    t.seq_scans, t.index_scans,
    t.inserted, t.updated, t.deleted,
    round(100.0 * t.hot / nullif(t.updated, 0), 1) as hot_pct,
    case when t.is_locked then true end as is_locked,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from tables as t
union all
select
    t.root::regclass::text, null, null, null, null, null, null, null, null, null, null, null, null, null,
    'warn', 'scanned',
    format('%s sequential scans, %s rows per day; %s %% of its scans used an index', t.seq_scans, round(t.seq_rows_per_day),
        round(100.0 * t.index_scans / (t.index_scans + t.seq_scans))),
    t.seq_rows_per_day, {scanned_rows_per_day},
    '-- find the query: chatschema report queries --sort blocks; then: chatschema report queries --advise', null
from tables as t
where {stats_days} >= {scanned_min_days} and t.rows >= {scanned_min_rows}
    and 100.0 * t.index_scans < {scanned_index_pct} * (t.index_scans + t.seq_scans) and t.seq_rows_per_day >= {scanned_rows_per_day}
union all
select
    t.root::regclass::text, null, null, null, null, null, null, null, null, null, null, null, null, null,
    'info', 'hot',
    format('only %s %% of %s updates were HOT; the others wrote to every index, and its fillfactor leaves no free space on its pages', round(100.0 * t.hot / t.updated), t.updated),
    100 - 100.0 * t.hot / t.updated, 100 - {hot_pct},
    E'-- leaves a tenth of each new page free; helps if the updated columns are in no index\n'
        || (select string_agg(format('alter table %s set (fillfactor = 90);', u.name), E'\n' order by u.name) from unnest(t.full_pages) as u (name)),
    (select string_agg(format('alter table %s reset (fillfactor);', u.name), E'\n' order by u.name) from unnest(t.full_pages) as u (name))
from tables as t
where t.updated >= {hot_min_updates} and 100.0 * t.hot < {hot_pct} * t.updated and t.full_pages is not null
    -- If most of them had room, an index on an updated column is the cause.
    and coalesce(2 * t.moved >= t.updated - t.hot, true)
union all
select
    t.root::regclass::text, null, null, null, null, null, null, null, null, null, null, null, null, null,
    'warn', 'unlogged', 'unlogged: a crash empties it, and standbys do not have its rows', null, null,
    -- On a partitioned table the command does not change the partitions.
    E'-- blocks all access to the table while it is rewritten\n'
        || (select string_agg(format('alter table %s set logged;', u.name), E'\n' order by u.name) from unnest(t.unlogged) as u (name)), null
from tables as t
where t.unlogged is not null
union all
select
    format('%s.%s', k.conrelid::regclass, quote_ident(k.conname)), null, null, null, null, null, null, null, null, null, null, null, null, null,
    'warn', 'unvalidated', 'was added as not valid: older rows may violate it, and the planner does not use it', null, null,
    format('alter table %s validate constraint %I;', k.conrelid::regclass, k.conname), null
from pg_catalog.pg_constraint as k
where not k.convalidated and k.conparentid = 0 and k.coninhcount = 0 and k.conrelid in (select t.member from table_tree as t)
    -- Since version 18 a constraint may be not enforced, on purpose; it is never valid then.
    and coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
order by size_bytes desc nulls last, object
