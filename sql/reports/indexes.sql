-- indexes: unused, repeated, invalid and missing indexes.
-- Why: Every write to a table also writes its indexes, and an index pays off only if queries use it. Without an index on a
--   foreign key, each delete in the parent reads the whole child table. The parts of a partitioned index are summed, and never
--   offered for dropping. Also never offered: an index behind a primary key, a unique or exclusion constraint, a replica identity
--   or a CLUSTER; the last one that supports a foreign key; and one in whose favour another is dropped. Scan counts are not the
--   whole truth: they include EXPLAIN, but not uniqueness checks, estimates from an expression index, or scans on standbys.
-- Check unused: no scan since the statistics began, on this node and on those named with --replica.
-- Check rare: written more often than scanned, so it costs more than it gains.
-- Check duplicate: same columns, order, collation, operator class and predicate as another index.
-- Check redundant: another index begins with the same keys and answers the same queries.
-- Check invalid: left over from a failed concurrent build or rebuild, or a partitioned index that was not completed; written, but never read.
-- Check incomplete: a partitioned index without a part in some partitions; normal while the parts are being created.
-- Check sparse: the index contains almost only nulls; a partial index would be much smaller.
-- Check missing: a foreign key has no index that begins with its columns.
-- Threshold unused_days = 14: no verdict on unused indexes before the statistics cover this many days
-- Threshold unused_min_bytes = 10485760: ignore smaller unused indexes
-- Threshold rare_min_bytes = 104857600: ignore smaller rarely used indexes
-- Threshold rare_min_writes = 10000: an index is not rare below this many writes to its table
-- Threshold rare_pct = 10: an index can be rare below this percentage of its table's index scans
-- Threshold redundant_critical_bytes = 1073741824: a repeated index is critical from this size
-- Threshold sparse_pct = 90: an index is sparse from this percentage of nulls in its first column
-- Threshold sparse_min_bytes = 10485760: ignore smaller sparse indexes
-- Threshold missing_min_rows = 10000: warn from this many rows in the referencing table; below it the finding is info
-- Threshold missing_critical_rows = 1000000: critical from this many rows if deletes cascade
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
        format('never scanned since %s UTC, or since it was created, %s', to_char({stats_since}::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), pg_size_pretty(i.bytes))
            || case
                when {is_asked_elsewhere} then ''
                when pg_is_in_recovery() then ', on this standby; add the primary with --replica URL'
                when {standbys} > 0 then '; a standby is attached: add it with --replica URL'
                else ''
            end
            || case when i.has_expression then '; review it: the planner uses the statistics of an expression index' else '' end as message,
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
        format('not enough data: the statistics cover %s of %s days', round({stats_days}, 1), {unused_days}),
        null, null, null, null
    where {stats_days} < {unused_days}
    union all
    select
        'info', 'rare', i.index,
        format('%s scans for %s writes, %s', i.scans, w.writes, pg_size_pretty(i.bytes))
            || case when pg_is_in_recovery() and not {is_asked_elsewhere} then ', on this standby; add the primary with --replica URL' else '' end,
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
            || case when not r.is_sure then '; this one is partial: keep it if its small size matters' else '' end
            || case when i.is_unique then '; both are unique: decide which one to drop' else '' end,
        i.bytes, null, d.fix, d.undo
    from repeated as r
    join indexes as i on i.root = r.root
    left join drops as d on d.root = r.root
    where d.root is not null or (i.is_unique and not i.is_backing)
    union all
    select
        'warn', 'invalid', x.indexrelid::regclass::text,
        case
            when c.relname ~ '_ccold\d*$' then 'left over from a REINDEX CONCURRENTLY that finished: written, never read'
            when c.relname ~ '_ccnew\d*$' then 'left over from a REINDEX CONCURRENTLY that failed: written, never read'
            when twin.indexrelid is not null then format('its build failed, and %s replaces it: written, never read', twin.indexrelid::regclass)
            when x.indisunique then 'its build failed: written, never read; remove duplicate rows before you rebuild it'
            else 'its build failed: written, never read'
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
        -- Not those being built, rebuilt or dropped; nor any that may be, while the builder's row is hidden from this role.
        and x.indislive and not exists (select from building as b where b.relid = x.indrelid or b.relid is null)
        and not exists (select from pg_catalog.pg_locks as l where l.relation = x.indexrelid and l.mode = 'ShareUpdateExclusiveLock' and l.granted
            and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
    union all
    select
        'info', 'incomplete', x.indexrelid::regclass::text,
        format('not valid yet: %s partitions have no part of it', p.missing),
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
    where not x.indisvalid and p.missing > 0
    union all
    select
        'warn', 'invalid', u.root::regclass::text,
        case
            when u.invalid = 0 then format('all of its parts (%s) are valid, but it is not: the last partition without a part was removed', u.parts)
            else format('%s of its %s parts are invalid', u.invalid, u.parts)
        end,
        u.invalid, null, u.fix, null
    from ({unfinished_index}) as u
    union all
    select
        'info', 'sparse', i.index,
        format('%s %% of %s is null, %s', round(100 * s.null_frac::numeric), s.attname, pg_size_pretty(i.bytes)),
        i.bytes, {sparse_min_bytes},
        d.fix, d.undo
    from indexes as i
    -- offset 0: few are looked at, so index by index; without it all columns and statistics of the catalog are read.
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
                then format('every partition of %s has an index on (%s), but the partitioned table has none: a new partition gets none', f.conrelid::regclass, m.columns)
            else format('no index on %s (%s): each delete in %s reads the whole table, about %s rows', f.conrelid::regclass, m.columns,
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
