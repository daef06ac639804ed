-- queries: queries by total time.
-- Why: Fix the query with the highest total time, not the slowest one. A mean hides the slowest calls, so the deviation is shown
--   beside it. A query that several roles run is summed. Blocks per call are the same on a busy and on an idle server; milliseconds
--   are not. Time that blocks, rows, compilation and timed reads cannot explain is not work: the call waited for a lock, or it
--   computed. It counts as work only if the query is repeated and even its fastest call takes half the mean: no wait is so regular.
-- Check slow: the mean is over slow_ms after slow_calls calls, or over very_slow_ms after the first call; a write has to be repeated.
-- Check hog: one query takes hog_pct of the working time of all queries; maintenance, bulk loads and locks do not count.
-- Check waits: as long as a slow query, but its blocks and rows do not explain the time: it waits for locks.
-- Check wasteful: it reads many blocks for each row that it returns or writes; aggregates are not judged. A write has to be
--   repeated, or to read more than the whole database.
-- Check io: the times of reads and writes are not measured.
-- Threshold slow_ms = 50: a frequent query is slow from this mean
-- Threshold slow_calls = 50: a query is frequent from this many calls
-- Threshold very_slow_ms = 1000: any query is slow from this mean
-- Threshold very_slow_writes = 5: judge a write from this many calls; one bulk load is not judged
-- Threshold hog_pct = 30: a query is a hog from this percentage of all working time ...
-- Threshold hog_min_ms = 60000: ... and this total time
-- Threshold block_ms = 0.1: most time that a block in shared buffers, with its rows, can explain
-- Threshold read_ms = 10: most time that a block read can explain while track_io_timing is off
-- Threshold row_ms = 0.1: most time that a returned or written row can explain
-- Threshold wasteful_blocks_per_row = 100: a query is wasteful from this many blocks per row ...
-- Threshold wasteful_call_blocks = 1000: ... and this many blocks per call ...
-- Threshold wasteful_blocks = 1000000: ... and this many blocks in total
-- Needs: pg_stat_statements
-- Fully: pg_read_all_stats
-- Counters: calls, total_ms, io_ms, temp_bytes, wal_bytes
with
statements as materialized ({statements}),
grouped as (
    select
        s.queryid,
        s.is_toplevel,
        min(s.query) as query,
        sum(s.calls)::bigint as calls,
        sum(s.total_ms) as total_ms,
        sum(s.total_ms) / nullif(sum(s.calls), 0) as mean_ms,
        -- The mean of the squares, less the square of the mean: exact over roles, as each keeps both.
        sqrt(greatest(
            sum(s.calls * (s.stddev_ms ^ 2 + s.mean_ms ^ 2)) / nullif(sum(s.calls), 0) - (sum(s.total_ms) / nullif(sum(s.calls), 0)) ^ 2, 0
        )) as stddev_ms,
        max(s.max_ms) as max_ms,
        min(s.min_ms) as min_ms,
        sum(
            {block_ms} * (s.shared_blks_hit + s.shared_blks_read + s.local_blks + s.temp_blks + s.temp_blks_read)
            + coalesce(s.io_ms, {read_ms} * (s.shared_blks_read + s.temp_blks_read))
            + {row_ms} * s.rows + s.jit_ms
        ) as explained_ms,
        sum(s.rows)::bigint as rows,
        sum(s.shared_blks_hit + s.shared_blks_read)::bigint as blocks,
        sum(s.shared_blks_hit)::bigint as hit,
        sum(s.io_ms) as io_ms,
        sum(s.temp_blks)::bigint * current_setting('block_size')::integer as temp_bytes,
        sum(s.wal_bytes) as wal_bytes,
        count(*) as entries
    from statements as s
    group by s.queryid, s.is_toplevel
),
-- Only queries that clients run on tables are judged: maintenance, locks and loads run once, or wait, and need no fix.
kinds as (
    select g.*, g.queryid is null or k.is_judged as is_judged, k.is_write, k.has_rows
    from grouped as g
    cross join lateral (select regexp_replace(g.query, '^((\s|\()+|--[^\n]*\n|/\*([^*]|\*+[^*/])*\*+/)*', '') as text) as q
    cross join lateral (
        select
            q.text ~* '^(select|with|values|table|call|do|insert|update|delete|merge)\M' as is_judged,
            q.text ~* '^(insert|update|delete|merge|call|do)\M' as is_write,
            -- One row of an aggregate, of a function or of an empty result stands for all rows that were read.
            q.text !~* '^(call|do|values)\M' and q.text ~* '\m(from|update|table)\M'
                and q.text !~* '\m(group\s+by|distinct|exists|(count|sum|avg|min|max|bool_and|bool_or|every|stddev\w*|var\w*|\w+_agg|percentile_\w+)\s*\()'
                as has_rows
    ) as k
),
-- A wait shows in the function that is called, or in locked rows; otherwise one call does not tell a wait from a computation.
told as (
    select
        g.*,
        g.total_ms > 2 * g.explained_ms and (
            g.calls < 5 or g.min_ms < g.mean_ms / 2
            or g.query ~* '\m(pg_sleep(_for|_until)?|pg_advisory_(xact_)?lock(_shared)?|pg_wal_replay_wait|dblink\w*)\s*\('
            or (g.query ~* '\mfor\s+(no\s+key\s+update|update|key\s+share|share)\M' and g.query !~* '\m(nowait|skip\s+locked)\M')
        ) as is_waiting
    from kinds as g
),
worked as (
    select t.*, case when t.is_waiting then t.explained_ms else t.total_ms end as work_ms from told as t
),
-- With track = all the statements inside a function count twice, so a share is one of the clients' own statements. Queries of
-- other roles, whose text is hidden, are included.
whole as (
    select sum(k.work_ms) filter (where k.is_toplevel and k.is_judged) as work_ms from worked as k
),
ranked as (
    select k.*, w.work_ms as all_work_ms, row_number() over (order by k.total_ms desc, k.queryid) as place
    from worked as k
    cross join whole as w
),
judged as (
    select
        r.*,
        r.blocks / greatest(r.rows, r.calls)::double precision as blocks_per_row,
        format('%s: %s', r.queryid, left(regexp_replace(r.query, '\s+', ' ', 'g'), 60)) as name,
        case when r.temp_bytes > 0 then format('; each call writes %s of temporary files', pg_size_pretty(r.temp_bytes / r.calls)) end as spilled,
        format('chatschema report queries --explain %s', r.queryid) as fix
    from ranked as r
    where r.queryid is not null and r.is_judged
),
long as (
    select j.*, case when j.calls >= {slow_calls} then {slow_ms} else {very_slow_ms} end::numeric as limit_ms
    from judged as j
    where (j.mean_ms >= {slow_ms} and j.calls >= {slow_calls})
        or (j.mean_ms >= {very_slow_ms} and (not j.is_write or j.calls >= {very_slow_writes}))
),
findings as (
    select
        'warn' as severity, 'slow' as check_name, j.name as object,
        format('%s ms per call, %s call%s, at most %s ms%s', round(j.mean_ms::numeric, 1), j.calls,
            case when j.calls > 1 then 's' end, round(j.max_ms::numeric, 1), j.spilled) as message,
        j.mean_ms::numeric as value, j.limit_ms as threshold, j.fix
    from long as j
    where not j.is_waiting
    union all
    select
        'info', 'waits', j.name,
        format('%s ms per call, %s call%s; blocks and rows explain at most %s ms of a call: it waits for locks, or computes',
            round(j.mean_ms::numeric, 1), j.calls, case when j.calls > 1 then 's' end,
            round((j.explained_ms / j.calls)::numeric, 1)),
        j.mean_ms::numeric, j.limit_ms, 'chatschema report locks'
    from long as j
    where j.is_waiting
    union all
    select
        'warn', 'hog', j.name,
        format('%s %% of the working time of all queries, %s s in %s call%s%s', round((100 * j.work_ms / j.all_work_ms)::numeric),
            round((j.work_ms / 1000)::numeric), j.calls, case when j.calls > 1 then 's' end, j.spilled),
        (100 * j.work_ms / j.all_work_ms)::numeric, {hog_pct}, j.fix
    from judged as j
    where j.is_toplevel and not j.is_waiting and j.work_ms >= {hog_min_ms} and j.work_ms >= j.all_work_ms * {hog_pct} / 100
    union all
    select
        'warn', 'wasteful', j.name,
        format('reads %s blocks per row: %s blocks for %s rows in %s call%s', round(j.blocks_per_row::numeric),
            j.blocks, j.rows, j.calls, case when j.calls > 1 then 's' end),
        j.blocks_per_row::numeric, {wasteful_blocks_per_row}, j.fix
    from judged as j
    -- A write that runs once may read a whole table; one that reads more than the whole database reads it again and again.
    -- The size of the database is compared last, as it is measured on its files.
    where case
        when not j.has_rows or j.blocks < {wasteful_blocks} or j.blocks < {wasteful_call_blocks} * j.calls
            or j.blocks_per_row < {wasteful_blocks_per_row} then false
        when not j.is_write or j.calls >= {very_slow_writes} then true
        else j.blocks / j.calls > (select pg_database_size(current_database()) / current_setting('block_size')::integer)
    end
    union all
    select
        'no verdict', 'io', null, 'track_io_timing is off; the times of reads and writes are not measured', null, null,
        'alter system set track_io_timing = on; select pg_reload_conf();'
    where not current_setting('track_io_timing')::boolean
)
select
    r.place as n,
    case when r.queryid is null then format('<hidden: %s entries of other roles>', r.entries) else r.query end as query,
    r.calls, r.total_ms, r.mean_ms, case when r.is_judged then r.work_ms * 100 / nullif(r.all_work_ms, 0) end as share_pct, r.stddev_ms, r.max_ms,
    r.blocks::numeric / nullif(r.calls, 0) as blocks_per_call,
    r.hit * 100.0 / nullif(r.blocks, 0) as hit_pct,
    r.rows::numeric / nullif(r.calls, 0) as rows_per_call,
    r.io_ms, r.temp_bytes, r.wal_bytes, r.queryid::text as queryid,
    null as severity, null as check_name, null as object, null as message, null::numeric as value, null::numeric as threshold,
    null as fix, null as undo
from ranked as r
union all
select
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    f.severity, f.check_name, f.object, f.message, f.value, f.threshold, f.fix, null
from findings as f
order by n
