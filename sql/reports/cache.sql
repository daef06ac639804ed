-- cache: the share of block reads found in shared buffers.
-- Why: A block that is not in shared buffers is read from the cache of the operating system, which PostgreSQL cannot see, or from
--   disk. Tables that nobody read are left out, and few reads give no verdict. The counts start at the last reset, so a bad hour
--   disappears in good months: use report watch or report diff to see it.
-- Check heap: the pages of tables and of their TOAST tables.
-- Check index: the pages of indexes, including those of TOAST tables; these should nearly always be in shared buffers.
-- Threshold hit_warn_pct = 99: warn below this percentage of hits
-- Threshold hit_critical_pct = 95: critical below this percentage of hits
-- Threshold min_blocks = 1000000: no verdict below this many block reads
-- Counters: blocks, missed
with recursive
table_tree as ({table_tree}),
read as materialized (
    select
        t.root,
        sum(s.heap_blks_hit)::bigint as heap_hit,
        sum(s.heap_blks_hit + s.heap_blks_read)::bigint as heap,
        sum(coalesce(s.idx_blks_hit, 0))::bigint as index_hit,
        sum(coalesce(s.idx_blks_hit + s.idx_blks_read, 0))::bigint as index,
        sum(coalesce(s.toast_blks_hit, 0))::bigint as chunks_hit,
        sum(coalesce(s.toast_blks_hit + s.toast_blks_read, 0))::bigint as chunks,
        sum(coalesce(s.toast_blks_hit + s.tidx_blks_hit, 0))::bigint as toast_hit,
        sum(coalesce(s.toast_blks_hit + s.toast_blks_read + s.tidx_blks_hit + s.tidx_blks_read, 0))::bigint as toast
    from table_tree as t
    join pg_catalog.pg_statio_user_tables as s on s.relid = t.member
    group by t.root
),
kinds as (
    select k.kind, k.hit, k.blocks
    from (
        select
            sum(heap_hit + chunks_hit) as heap_hit, sum(heap + chunks) as heap,
            sum(index_hit + toast_hit - chunks_hit) as index_hit, sum(index + toast - chunks) as index
        from read
    ) as r
    cross join lateral (values ('heap', r.heap_hit, r.heap), ('index', r.index_hit, r.index)) as k (kind, hit, blocks)
)
select
    r.root::regclass::text as object,
    r.heap + r.index + r.toast as blocks,
    (r.heap + r.index + r.toast) - (r.heap_hit + r.index_hit + r.toast_hit) as missed,
    100.0 * (r.heap_hit + r.index_hit + r.toast_hit) / (r.heap + r.index + r.toast) as hit_pct,
    100.0 * r.heap_hit / nullif(r.heap, 0) as heap_pct,
    100.0 * r.index_hit / nullif(r.index, 0) as index_pct,
    100.0 * r.toast_hit / nullif(r.toast, 0) as toast_pct,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from read as r
where r.heap + r.index + r.toast > 0
union all
select
    null, null, null, null, null, null, null,
    case
        when coalesce(k.blocks, 0) < greatest({min_blocks}, 1) then 'no verdict'
        when 100.0 * k.hit / k.blocks < {hit_critical_pct} then 'critical'
        else 'warn'
    end,
    k.kind,
    case
        when coalesce(k.blocks, 0) < greatest({min_blocks}, 1) then format('not enough data: %s of %s block reads', coalesce(k.blocks, 0), {min_blocks})
        else format('%s %% of %s block reads were found in shared buffers (%s)', round(100.0 * k.hit / k.blocks, 2), k.blocks, current_setting('shared_buffers'))
    end,
    100 - 100.0 * k.hit / nullif(k.blocks, 0), 100 - {hit_warn_pct},
    case
        when k.blocks >= greatest({min_blocks}, 1) then '-- find the tables: chatschema report cache --sort missed; then add an index, or raise shared_buffers (needs a restart)'
    end,
    null
from kinds as k
where coalesce(k.blocks, 0) < greatest({min_blocks}, 1) or 100.0 * k.hit / k.blocks < {hit_warn_pct}
order by missed desc nulls last, object
