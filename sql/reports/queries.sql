-- queries: what the server spends its time on, query by query.
-- Why: the query to mend is not the slowest but the one that takes most in all; a mean hides its worst, so the spread is beside it.
--   The roles that run a query are summed. Blocks per call stay the same on a busy and on an idle server; milliseconds do not.
-- Check slow: its mean is over slow_ms after slow_calls calls, or over very_slow_ms after the first; a write has to be repeated.
-- Check hog: one query takes hog_pct of all the time.
-- Check io: the times of reads and writes are not measured.
-- Threshold slow_ms = 50: mean of a query that is called often
-- Threshold slow_calls = 50: what often means
-- Threshold very_slow_ms = 1000: mean of any query
-- Threshold very_slow_writes = 5: calls of a write from which that counts; a bulk load is no habit
-- Threshold hog_pct = 30: percent of all time from which one query is a hog
-- Threshold hog_min_ms = 60000: total below which no query is a hog
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
        sum(s.rows)::bigint as rows,
        sum(s.shared_blks_hit + s.shared_blks_read)::bigint as blocks,
        sum(s.shared_blks_hit)::bigint as hit,
        sum(s.io_ms) as io_ms,
        sum(s.temp_blks)::bigint * current_setting('block_size')::integer as temp_bytes,
        sum(s.wal_bytes) as wal_bytes,
        count(*) as entries,
        string_agg(
            format('select {pg_stat_statements}.pg_stat_statements_reset(%s, %s, %s);', s.userid, s.dbid, s.queryid), E'\n'
        ) as forget
    from statements as s
    group by s.queryid, s.is_toplevel
),
-- With track = all a function's statements count inside it as well; a share is one of what clients asked for.
whole as (select sum(g.total_ms) filter (where g.is_toplevel) as total_ms from grouped as g),
ranked as (
    select g.*, w.total_ms as all_ms, row_number() over (order by g.total_ms desc, g.queryid) as place
    from grouped as g
    cross join whole as w
),
-- What maintenance does once is no query to mend.
judged as (
    select
        r.*,
        k.is_write,
        format('%s: %s', r.queryid, left(regexp_replace(r.query, '\s+', ' ', 'g'), 60)) as name,
        format(E'-- look at its plan, and mend it: chatschema report queries --explain %s\n-- then let its counters begin anew:\n%s', r.queryid, r.forget) as fix
    from ranked as r
    cross join lateral (select regexp_replace(r.query, '^((\s|\()+|--[^\n]*\n|/\*([^*]|\*+[^*/])*\*+/)*', '') as text) as q
    cross join lateral (
        select
            q.text ~* '^(select|with|values|table|call|do|insert|update|delete|merge)\M' as is_judged,
            q.text ~* '^(insert|update|delete|merge|call|do)\M' as is_write
    ) as k
    where r.queryid is not null and k.is_judged
),
findings as (
    select
        'warn' as severity, 'slow' as check_name, j.name as object,
        format('%s ms a call, %s call%s, at most %s ms', round(j.mean_ms::numeric, 1), j.calls,
            case when j.calls > 1 then 's' end, round(j.max_ms::numeric, 1)) as message,
        j.mean_ms::numeric as value,
        case when j.calls >= {slow_calls} then {slow_ms} else {very_slow_ms} end::numeric as threshold,
        j.fix
    from judged as j
    where (j.mean_ms >= {slow_ms} and j.calls >= {slow_calls})
        or (j.mean_ms >= {very_slow_ms} and (not j.is_write or j.calls >= {very_slow_writes}))
    union all
    select
        'warn', 'hog', j.name,
        format('%s %% of all time, %s s in %s call%s', round((100 * j.total_ms / j.all_ms)::numeric),
            round((j.total_ms / 1000)::numeric), j.calls, case when j.calls > 1 then 's' end),
        (100 * j.total_ms / j.all_ms)::numeric, {hog_pct}, j.fix
    from judged as j
    where j.is_toplevel and j.total_ms >= {hog_min_ms} and j.total_ms >= j.all_ms * {hog_pct} / 100
    union all
    select
        'no verdict', 'io', null, 'track_io_timing is off: the time of reads and writes is not measured', null, null,
        'alter system set track_io_timing = on; select pg_reload_conf();'
    where not current_setting('track_io_timing')::boolean
)
select
    r.place as n,
    case when r.queryid is null then format('<hidden: %s entries of other roles>', r.entries) else r.query end as query,
    r.calls, r.total_ms, r.mean_ms, r.total_ms * 100 / nullif(r.all_ms, 0) as share_pct, r.stddev_ms, r.max_ms,
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
