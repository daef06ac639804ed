-- queries: what the server spends its time on, query by query.
-- Why: the query to mend is not the slowest but the one that takes most in all; a mean hides its worst, so the spread is beside it.
--   The roles that run a query are summed. Blocks per call stay the same on a busy and on an idle server; milliseconds do not.
--   Time that blocks, rows, compilation and timed reads cannot explain is not work: the call waited for a lock, or it computed.
--   Such a call counts as work only when it is repeated and even its fastest call takes half the mean, as no wait is so regular.
-- Check slow: its mean is over slow_ms after slow_calls calls, or over very_slow_ms after the first; a write has to be repeated.
-- Check hog: one query takes hog_pct of all the time that queries spent working; maintenance, loads and locks are none.
-- Check waits: its calls take as long as those of a slow query, but their work does not explain it: they wait for locks.
-- Check wasteful: it reads many blocks for each row that it returns or writes; aggregates are not judged. A write has to be
--   repeated, or to read more than the whole database.
-- Check io: the times of reads and writes are not measured.
-- Threshold slow_ms = 50: mean of a query that is called often
-- Threshold slow_calls = 50: what often means
-- Threshold very_slow_ms = 1000: mean of any query
-- Threshold very_slow_writes = 5: calls of a write from which that counts; a bulk load is no habit
-- Threshold hog_pct = 30: percent of all time from which one query is a hog
-- Threshold hog_min_ms = 60000: total below which no query is a hog
-- Threshold block_ms = 0.1: the most that a block in shared buffers, with the rows on it, is believed to cost
-- Threshold read_ms = 10: the most that a block read is believed to cost while track_io_timing is off
-- Threshold row_ms = 0.1: the most that a returned or written row is believed to cost
-- Threshold wasteful_blocks_per_row = 100: blocks for each row from which a query is wasteful
-- Threshold wasteful_call_blocks = 1000: blocks of a call below which none is wasteful
-- Threshold wasteful_blocks = 1000000: blocks in all below which none is wasteful
-- Needs: pg_stat_statements
-- Fully: pg_read_all_stats
-- Counts: since the last reset
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
-- What a client asks of the tables is judged. Maintenance, locks and loads are done once or wait, and are no query to mend.
kinds as (
    select g.*, g.queryid is null or k.is_judged as is_judged, k.is_write, k.has_rows
    from grouped as g
    cross join lateral (select regexp_replace(g.query, '^((\s|\()+|--[^\n]*\n|/\*([^*]|\*+[^*/])*\*+/)*', '') as text) as q
    cross join lateral (
        select
            q.text ~* '^(select|with|values|table|call|do|insert|update|delete|merge)\M' as is_judged,
            q.text ~* '^(insert|update|delete|merge|call|do)\M' as is_write,
            -- One row of an aggregate, of a function or of nothing found stands for all that were read.
            q.text !~* '^(call|do|values)\M' and q.text ~* '\m(from|update|table)\M'
                and q.text !~* '\m(group\s+by|distinct|exists|(count|sum|avg|min|max|bool_and|bool_or|every|stddev\w*|var\w*|\w+_agg|percentile_\w+)\s*\()'
                as has_rows
    ) as k
),
-- A call that waits says so by its function, or by rows that it locks; of others one call does not tell a wait from a computation.
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
-- With track = all a function's statements count inside it as well; a share is one of what clients asked for. Queries of other
-- roles, whose text is hidden, are part of it.
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
        case when r.temp_bytes > 0 then format('; a call writes %s of temporary files', pg_size_pretty(r.temp_bytes / r.calls)) end as spilled,
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
        format('%s ms a call, %s call%s, at most %s ms%s', round(j.mean_ms::numeric, 1), j.calls,
            case when j.calls > 1 then 's' end, round(j.max_ms::numeric, 1), j.spilled) as message,
        j.mean_ms::numeric as value, j.limit_ms as threshold, j.fix
    from long as j
    where not j.is_waiting
    union all
    select
        'info', 'waits', j.name,
        format('%s ms a call, %s call%s; the blocks and rows of a call explain at most %s ms: it waits for locks, or computes',
            round(j.mean_ms::numeric, 1), j.calls, case when j.calls > 1 then 's' end,
            round((j.explained_ms / j.calls)::numeric, 1)),
        j.mean_ms::numeric, j.limit_ms, 'chatschema report locks'
    from long as j
    where j.is_waiting
    union all
    select
        'warn', 'hog', j.name,
        format('%s %% of all time spent working, %s s in %s call%s%s', round((100 * j.work_ms / j.all_work_ms)::numeric),
            round((j.work_ms / 1000)::numeric), j.calls, case when j.calls > 1 then 's' end, j.spilled),
        (100 * j.work_ms / j.all_work_ms)::numeric, {hog_pct}, j.fix
    from judged as j
    where j.is_toplevel and not j.is_waiting and j.work_ms >= {hog_min_ms} and j.work_ms >= j.all_work_ms * {hog_pct} / 100
    union all
    select
        'warn', 'wasteful', j.name,
        format('reads %s blocks for each row: %s blocks for %s rows in %s call%s', round(j.blocks_per_row::numeric),
            j.blocks, j.rows, j.calls, case when j.calls > 1 then 's' end),
        j.blocks_per_row::numeric, {wasteful_blocks_per_row}, j.fix
    from judged as j
    -- A write that is done once may read a table as a whole; one that reads more than there is reads it again and again.
    -- In this order, as the size of a database is asked of its files.
    where case
        when not j.has_rows or j.blocks < {wasteful_blocks} or j.blocks < {wasteful_call_blocks} * j.calls
            or j.blocks_per_row < {wasteful_blocks_per_row} then false
        when not j.is_write or j.calls >= {very_slow_writes} then true
        else j.blocks / j.calls > (select pg_database_size(current_database()) / current_setting('block_size')::integer)
    end
    union all
    select
        'no verdict', 'io', null, 'track_io_timing is off: the time of reads and writes is not measured', null, null,
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
