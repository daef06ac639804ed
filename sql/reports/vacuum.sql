-- vacuum: dead rows, and what prevents their removal.
-- Why: Queries read dead rows until vacuum removes them, and vacuum cannot remove them while an old transaction, slot or standby may
--   still need them. Row counts are the smaller of two estimates: the counter, which counts an insert twice when its session
--   analyzed the table, and the planner's, which does not notice deletes. A TOAST table stores long values in chunks; VACUUM
--   includes it, and autovacuum handles it separately.
-- Check dead: a table has many dead rows, or a TOAST table many dead chunks.
-- Check overdue: there are many times more dead rows than those at which autovacuum starts.
-- Check analyze: a table of some size was never analyzed: the planner guesses.
-- Check disabled: autovacuum is disabled for a table.
-- Check horizon: something old keeps the dead rows of all tables.
-- Threshold dead_pct = 20: warn from this percentage of dead rows ...
-- Threshold dead_min_bytes = 10485760: ... if they take at least this much space
-- Threshold dead_critical_pct = 50: critical from this percentage of dead rows ...
-- Threshold dead_critical_bytes = 1073741824: ... if they take at least this much space
-- Threshold overdue_warn = 2: warn from this many times the autovacuum trigger
-- Threshold overdue_critical = 5: critical from this many times the autovacuum trigger
-- Threshold overdue_min_rows = 10000: nothing is overdue below this many dead rows
-- Threshold analyze_min_bytes = 8388608: ignore smaller tables that were never analyzed
-- Threshold horizon_warn_xids = 10000000: warn when the dead rows of this many transactions are kept
-- Threshold horizon_critical_xids = 100000000: critical when those of this many transactions are kept
-- Fully: pg_read_all_stats
-- Runs on: primary
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree}),
stored as ({stored}),
options as (
    select c.oid, jsonb_object_agg(o.option_name, o.option_value) as options
    from pg_catalog.pg_class as c
    cross join lateral pg_options_to_table(c.reloptions) as o
    where c.relkind in ('r', 'm', 't')
    group by c.oid
),
tables as materialized (
    select
        t.root,
        t.owner,
        t.is_toast,
        t.object,
        s.n_dead_tup as dead,
        case
            when s.n_live_tup = 0 and s.n_dead_tup = 0 then greatest(e.planned, 0)
            when e.planned is null then s.n_live_tup
            else least(s.n_live_tup, e.planned)
        end as live,
        z.bytes,
        c.reltuples,
        -- A TOAST table without options of its own has those of its table.
        coalesce(o.options, w.options) as options,
        greatest(s.last_vacuum, s.last_autovacuum) as last_vacuum_at,
        greatest(s.last_analyze, s.last_autoanalyze) as last_analyze_at,
        s.n_ins_since_vacuum as inserted
    from stored as t
    join pg_catalog.pg_class as c on c.oid = t.member
    join pg_catalog.pg_stat_all_tables as s on s.relid = t.member
    left join options as o on o.oid = c.oid
    left join options as w on w.oid = t.owner
    cross join lateral (
        select c.oid in (select l.relation from locked as l) or t.owner in (select l.relation from locked as l) as is_locked
    ) as l
    cross join lateral (select {size_unless_locked} as bytes) as z
    cross join lateral (
        select
            case
                when c.reltuples >= 0 and c.relpages > 0
                    then (c.reltuples / c.relpages * z.bytes / current_setting('block_size')::integer)::bigint
            end as planned
    ) as e
),
judged as (
    select
        t.*,
        100.0 * t.dead / nullif(t.dead + t.live, 0) as dead_pct,
        t.bytes::numeric * t.dead / nullif(t.dead + t.live, 0) as dead_bytes,
        g.trigger,
        case when t.is_toast then 'chunks' else 'rows' end as what
    from tables as t
    cross join lateral (
        select
            least(
                coalesce(t.options ->> 'autovacuum_vacuum_threshold', current_setting('autovacuum_vacuum_threshold'))::numeric
                    + coalesce(t.options ->> 'autovacuum_vacuum_scale_factor', current_setting('autovacuum_vacuum_scale_factor'))::numeric
                    * greatest(t.reltuples, 0)::numeric,
                -- Since version 18 the trigger has an upper limit; -1 is none.
                nullif(coalesce(t.options ->> 'autovacuum_vacuum_max_threshold', current_setting('autovacuum_vacuum_max_threshold', true))::numeric, -1)
            ) as trigger
    ) as g
),
holders as (
    select
        format('session %s (%s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name')) as who,
        age(a.backend_xmin) as xids,
        format('select pg_terminate_backend(%s);', a.pid) as fix,
        'the dead rows' as what,
        format('transactions.idle:%s (%s, %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'no name')) as cause
    from pg_catalog.pg_stat_activity as a
    -- A session of another database keeps only the dead rows there; one that sends WAL, those of all. Autovacuum ends by itself.
    where a.backend_xmin is not null and a.pid <> pg_backend_pid() and (a.datname = current_database() or a.datid is null)
        and a.backend_type <> 'autovacuum worker'
    union all
    select
        format('replication slot %s', s.slot_name), x.xids,
        format('select pg_drop_replication_slot(%L);  -- its standby or subscriber has to be recreated', s.slot_name),
        x.what, format('replication.slot:slot %s', s.slot_name)
    from pg_catalog.pg_replication_slots as s
    -- A logical slot keeps dead rows of the catalogs only.
    cross join lateral (
        values (age(s.xmin), 'the dead rows'), (case when s.xmin is null then age(s.catalog_xmin) end, 'the dead rows of the catalogs')
    ) as x (xids, what)
    union all
    select format('prepared transaction %s', p.gid), age(p.transaction), format('rollback prepared %L;', p.gid), 'the dead rows',
        format('transactions.prepared:%s (%s)', p.gid, p.owner)
    from pg_catalog.pg_prepared_xacts as p
    where p.database = current_database()
)
select
    j.root::regclass::text as object,
    (sum(j.dead) filter (where not j.is_toast))::bigint as dead,
    round(100.0 * sum(j.dead) filter (where not j.is_toast) / nullif(sum(j.dead + j.live) filter (where not j.is_toast), 0), 1) as dead_pct,
    (sum(j.live) filter (where not j.is_toast))::bigint as live,
    max(j.dead / nullif(j.trigger, 0))::double precision as of_trigger,
    max(j.last_vacuum_at) filter (where not j.is_toast) as last_vacuum_at,
    max(j.last_analyze_at) as last_analyze_at,
    (sum(j.inserted) filter (where not j.is_toast))::bigint as inserted_since,
    (sum(j.dead) filter (where j.is_toast))::bigint as dead_chunks,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo,
    null as cause
from judged as j
group by j.root
union all
select
    j.object, null, null, null, null, null, null, null, null,
    case when j.dead_pct >= {dead_critical_pct} and j.dead_bytes >= {dead_critical_bytes} then 'critical' else 'warn' end,
    'dead',
    format('about %s of %s %s are dead (%s %%, about %s)', j.dead, j.dead + j.live, j.what, round(j.dead_pct), pg_size_pretty(j.dead_bytes)),
    j.dead_pct, {dead_pct},
    format('vacuum (analyze) %s;', j.owner::regclass), null,
    -- Vacuum does not remove rows that something old may still read.
    'vacuum.horizon'
from judged as j
where j.dead_pct >= {dead_pct} and j.dead_bytes >= {dead_min_bytes}
union all
select
    j.object, null, null, null, null, null, null, null, null,
    case when j.dead >= j.trigger * {overdue_critical} then 'critical' else 'warn' end,
    'overdue',
    format('about %s dead %s, %s times the autovacuum trigger; last vacuumed: %s', j.dead, j.what, round(j.dead / greatest(j.trigger, 1), 1),
        coalesce(to_char(j.last_vacuum_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC'), 'never')),
    j.dead / greatest(j.trigger, 1), {overdue_warn},
    format('vacuum (analyze) %s;', j.owner::regclass), null,
    -- Vacuum does not remove rows that something old may still read.
    'vacuum.horizon'
from judged as j
where j.dead >= {overdue_min_rows} and j.dead >= j.trigger * {overdue_warn}
union all
select
    j.object, null, null, null, null, null, null, null, null, 'warn', 'analyze',
    format('%s, never analyzed', pg_size_pretty(j.bytes)), j.bytes, {analyze_min_bytes}, format('analyze %s;', j.object), null, null
from judged as j
where not j.is_toast and j.reltuples < 0 and j.bytes >= {analyze_min_bytes}
union all
select
    j.object, null, null, null, null, null, null, null, null, 'info', 'disabled', 'autovacuum is off for this table', null, null,
    format('alter table %s reset (autovacuum_enabled);', j.object), format('alter table %s set (autovacuum_enabled = off);', j.object), null
from judged as j
where not j.is_toast and not coalesce((j.options ->> 'autovacuum_enabled')::boolean, true)
union all
select
    h.who, null, null, null, null, null, null, null, null,
    case when h.xids >= {horizon_critical_xids} then 'critical' else 'warn' end,
    'horizon', format('keeps %s of the last %s transactions', h.what, h.xids), h.xids, {horizon_warn_xids}, h.fix, null, h.cause
from holders as h
where h.xids >= {horizon_warn_xids}
order by dead desc nulls last, object
