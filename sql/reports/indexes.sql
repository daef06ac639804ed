-- indexes: which indexes earn their keep, which repeat others, and which are missing.
-- Why: every index is written with every row, and read only where a query asks for it. A missing one behind a foreign key makes
--   each delete of a parent read the whole child. Counted at the whole index: its parts in the partitions are summed, and never
--   offered for dropping. Never offered either: what backs a primary key, a unique or exclusion constraint, a replica identity,
--   a clustering, alone supports a foreign key once all else offered is gone, or is what another one is dropped for. A scan counter lies: uniqueness checks and the estimates that an expression
--   index feeds are not in it, EXPLAIN and standbys' scans are, or are elsewhere.
-- Check unused: no scan since the statistics began, on this node and on those named with --replica.
-- Check rare: scanned less often than written; what it costs is more than what it gives.
-- Check duplicate: the same columns, order, collation, operator class and predicate as another one.
-- Check redundant: another index begins with the same keys and answers the same queries.
-- Check invalid: a concurrent build or rebuild that failed: written, never read.
-- Check incomplete: a partitioned index that waits for its parts; normal while they are being made.
-- Check sparse: an index that holds almost nothing but nulls; a partial one is a fraction of it.
-- Check missing: a foreign key whose columns no index leads with.
-- Threshold unused_days = 14: days the statistics must cover before unused is said
-- Threshold unused_min_bytes = 10485760: smaller ones are not worth the risk
-- Threshold rare_min_bytes = 104857600: smaller ones may be rare
-- Threshold rare_min_writes = 10000: writes before rare is said
-- Threshold rare_pct = 10: percent of the table's index scans below which an index may be rare
-- Threshold redundant_critical_bytes = 1073741824: a repeated index of this size is critical
-- Threshold sparse_pct = 90: percent of nulls in its first column from which an index is sparse
-- Threshold sparse_min_bytes = 10485760: smaller ones do not matter
-- Threshold missing_min_rows = 10000: rows of the referencing table from which a missing index is a warning
-- Threshold missing_critical_rows = 1000000: rows from which it is critical where deletes cascade
-- Counts: since the last reset
-- Counters: scans, writes
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree}),
index_tree as ({index_tree}),
index_keys as materialized ({index_keys}),
elsewhere as (
    select to_regclass(e.key)::oid as index, e.value::bigint as scans from jsonb_each_text({scans_elsewhere}::jsonb) as e
),
building as (
    select p.relid from pg_catalog.pg_stat_progress_create_index as p where p.datname = current_database()
),
activity as materialized (
    select
        t.root,
        sum(s.n_tup_ins + s.n_tup_upd - s.n_tup_hot_upd + s.n_tup_del)::bigint as writes,
        sum(coalesce(s.idx_scan, 0))::bigint as index_scans,
        sum(s.seq_scan)::bigint as table_scans,
        sum(case when c.reltuples < 0 then s.n_live_tup else c.reltuples end)::bigint as rows
    from table_tree as t
    join pg_catalog.pg_stat_user_tables as s on s.relid = t.member
    join pg_catalog.pg_class as c on c.oid = t.member and c.relkind <> 'p'
    group by t.root
),
foreign_keys as materialized ({foreign_keys}),
indexes as materialized ({index_usage}),
drops as materialized (
    select
        i.root,
        case
            when i.is_partitioned then format(E'set lock_timeout = ''2s'';\ndrop index %s;', i.index)
            else format('drop index concurrently %s;', i.index)
        end as fix,
        case
            when i.is_locked then null
            when i.is_partitioned then replace(pg_get_indexdef(i.root), ' ON ONLY ', ' ON ') || ';'
            else regexp_replace(pg_get_indexdef(i.root), 'INDEX', 'INDEX CONCURRENTLY') || ';'
        end as undo
    from indexes as i
    where not i.is_protected
),
repeated as materialized ({repeated_indexes}),
supporting_indexes as materialized ({supporting_indexes}),
kept as materialized ({kept_indexes}),
findings as (
    select
        case when ({standbys} > 0 or pg_is_in_recovery()) and not {is_asked_elsewhere} or i.has_expression then 'info' else 'warn' end as severity,
        'unused' as check_name,
        i.index as object,
        format('never scanned since %s UTC, or since it was made, %s', to_char({stats_since}::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), pg_size_pretty(i.bytes))
            || case
                when {is_asked_elsewhere} then ''
                when pg_is_in_recovery() then ', on this standby; ask the primary with --replica URL'
                when {standbys} > 0 then '; a standby is attached: ask it with --replica URL'
                else ''
            end
            || case when i.has_expression then '; review it: the planner estimates with an expression index''s statistics' else '' end as message,
        i.bytes::numeric as value,
        {unused_min_bytes}::numeric as threshold,
        d.fix,
        d.undo
    from indexes as i
    join drops as d on d.root = i.root
    join activity as w on w.root = i.table_root
    where i.is_valid and i.scans = 0 and i.root not in (select k.root from kept as k) and i.bytes >= {unused_min_bytes} and {stats_days} >= {unused_days}
        and w.writes + w.index_scans + w.table_scans > 0
        and i.root not in (select r.root from repeated as r)
    union all
    select
        'no verdict', 'unused', null,
        format('statistics cover %s days; unused is said after %s days', round({stats_days}, 1), {unused_days}),
        null, null, null, null
    where {stats_days} < {unused_days}
    union all
    select
        'info', 'rare', i.index,
        format('%s scans for %s writes, %s', i.scans, w.writes, pg_size_pretty(i.bytes))
            || case when pg_is_in_recovery() and not {is_asked_elsewhere} then ', on this standby; ask the primary with --replica URL' else '' end,
        i.bytes, {rare_min_bytes}, d.fix, d.undo
    from indexes as i
    join drops as d on d.root = i.root
    join activity as w on w.root = i.table_root
    where i.is_valid and i.scans > 0 and i.root not in (select k.root from kept as k) and i.bytes >= {rare_min_bytes} and {stats_days} >= {unused_days}
        and i.root not in (select r.root from repeated as r) and w.writes > {rare_min_writes} and i.scans <= w.writes and i.scans < w.index_scans * {rare_pct} / 100
    union all
    select
        case when not r.is_sure or i.is_unique then 'info' when i.bytes >= {redundant_critical_bytes} then 'critical' else 'warn' end,
        case when r.is_duplicate then 'duplicate' else 'redundant' end,
        i.index,
        case
            when r.is_duplicate then format('the same as %s, %s', r.kept::regclass, pg_size_pretty(i.bytes))
            else format('%s begins with the same keys, %s', r.kept::regclass, pg_size_pretty(i.bytes))
        end
            || case when not r.is_sure then '; this one is partial, and may be kept for being small' else '' end
            || case when i.is_unique then '; both are unique: their owner knows which one may go' else '' end,
        i.bytes, null, d.fix, d.undo
    from repeated as r
    join indexes as i on i.root = r.root
    left join drops as d on d.root = r.root
    where d.root is not null or (i.is_unique and not i.is_backing)
    union all
    select
        'warn', 'invalid', x.indexrelid::regclass::text,
        case
            when c.relname ~ '_ccold\d*$' then 'left over from a REINDEX CONCURRENTLY that was done: written, never read'
            when c.relname ~ '_ccnew\d*$' then 'left over from a REINDEX CONCURRENTLY that failed: written, never read'
            when twin.indexrelid is not null then format('failed to build, and %s does its work: written, never read', twin.indexrelid::regclass)
            when x.indisunique then 'failed to build: written, never read; find the rows that repeat before the rebuild'
            else 'failed to build: written, never read'
        end,
        null, null,
        case
            when (c.relname ~ '_cc(old|new)\d*$' or twin.indexrelid is not null) and not c.relispartition
                then format('drop index concurrently %s;', x.indexrelid::regclass)
            else format('reindex index concurrently %s;', x.indexrelid::regclass)
        end,
        null
    from pg_catalog.pg_index as x
    join pg_catalog.pg_class as c on c.oid = x.indexrelid
    join table_tree as t on t.member = x.indrelid
    join index_keys as k on k.indexrelid = x.indexrelid
    left join lateral (
        select a.indexrelid
        from index_keys as a
        where a.indrelid = k.indrelid and a.indexrelid <> k.indexrelid and a.is_valid and a.relam = k.relam and a.keys = k.keys
            and a.all_columns = k.all_columns and a.expressions is not distinct from k.expressions
            and a.predicate is not distinct from k.predicate and a.is_unique >= k.is_unique
        limit 1
    ) as twin on true
    where c.relkind = 'i' and not (x.indisvalid and x.indisready)
        -- One being built, rebuilt or dropped is none of these; nor known to be, while the builder's row is hidden from this role.
        and x.indislive and not exists (select from building as b where b.relid = x.indrelid or b.relid is null)
        and not exists (select from pg_catalog.pg_locks as l where l.relation = x.indexrelid and l.mode = 'ShareUpdateExclusiveLock' and l.granted
            and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
    union all
    select
        'info', 'incomplete', x.indexrelid::regclass::text,
        format('waits for its part in %s partitions', p.missing),
        p.missing, null, null, null
    from pg_catalog.pg_index as x
    join pg_catalog.pg_class as c on c.oid = x.indexrelid and c.relkind = 'I'
    cross join lateral (
        select count(*) as missing
        from pg_catalog.pg_inherits as i
        where i.inhparent = x.indrelid
            and not exists (
                select from pg_catalog.pg_inherits as h
                join pg_catalog.pg_index as y on y.indexrelid = h.inhrelid
                where h.inhparent = x.indexrelid and y.indrelid = i.inhrelid
            )
    ) as p
    where not x.indisvalid
    union all
    select
        'info', 'sparse', i.index,
        format('%s %% of %s is null, %s', round(100 * s.null_frac::numeric), s.attname, pg_size_pretty(i.bytes)),
        i.bytes, {sparse_min_bytes},
        d.fix, d.undo
    from indexes as i
    -- offset 0: few are looked at, so index by index; else all columns and statistics of the catalog are read.
    cross join lateral (
        select a.attname, s.null_frac
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as t on t.oid = a.attrelid
        join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
        join pg_catalog.pg_stats as s
            on s.schemaname = n.nspname and s.tablename = t.relname and s.attname = a.attname and s.inherited = (t.relkind = 'p')
        where a.attrelid = i.indrelid and a.attnum = i.key_columns[1]
        offset 0
    ) as s
    left join lateral (select p.fix, p.undo from ({partial_index}) as p where p.root = i.root offset 0) as d on true
    where i.predicate is null and i.is_valid and i.bytes >= {sparse_min_bytes} and 100 * s.null_frac >= {sparse_pct}
    union all
    select
        case
            when m.is_supported_in_parts or coalesce(a.rows, 0) < {missing_min_rows} then 'info'
            when f.is_cascade and a.rows >= {missing_critical_rows} then 'critical'
            else 'warn'
        end,
        'missing',
        format('%s.%s', f.conrelid::regclass, quote_ident(f.conname)),
        case
            when m.is_supported_in_parts
                then format('every partition of %s has an index on (%s), the whole has none: a new partition gets none', f.conrelid::regclass, m.columns)
            else format('no index on %s (%s): each delete in %s reads all of it, about %s rows', f.conrelid::regclass, m.columns,
                f.confrelid::regclass, coalesce(a.rows, 0))
        end,
        a.rows, {missing_min_rows}, m.fix, m.undo
    from ({missing_index}) as m
    join foreign_keys as f on f.oid = m.foreign_key
    join table_tree as t on t.member = f.conrelid
    left join activity as a on a.root = t.root
)
select
    null as severity, null as check_name, i.index as object, i.table_root::regclass::text as "table", i.bytes as size_bytes, i.scans,
    i.last_scan_at, w.writes, i.is_protected as is_kept,
    null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from indexes as i
left join activity as w on w.root = i.table_root
union all
select
    f.severity, f.check_name, f.object, null, null, null, null, null, null, f.message, f.value, f.threshold, f.fix, f.undo
from findings as f
order by size_bytes desc nulls last, object
