-- replication: standbys and slots: lag, retained WAL, and queries in the way of a month's DROP.
-- Why: Lag is judged in bytes first: on an idle primary the time since the last transaction grows although nothing is behind, and a
--   standby that lost its connection has replayed all that it received, however far ahead the primary is. A slot without a reader
--   retains WAL until the disk is full, or until max_slot_wal_keep_size is reached and its standby has to be recreated. A standby
--   replays the DROP of a month after its own queries on it, or cancels them after max_standby_streaming_delay.
-- Check lag: a standby is behind.
-- Check slot: a slot has no reader; reported even while it retains little.
-- Check near: a slot retains almost as much WAL as max_slot_wal_keep_size allows.
-- Check ending: a slot loses its WAL at the next checkpoint.
-- Check lost: a slot has lost WAL that it needs.
-- Check receiver: a standby receives no WAL.
-- Check query: a query on this standby, or one named with --replica, would be cancelled by a month's DROP, or holds it up.
-- Threshold lag_warn_bytes = 104857600: warn from this many bytes of lag
-- Threshold lag_critical_bytes = 1073741824: critical from this many bytes of lag
-- Threshold lag_warn_ms = 5000: warn from this delay, if there are bytes to replay
-- Threshold lag_critical_ms = 60000: critical from this delay, if there are bytes to replay
-- Threshold slot_warn_bytes = 1073741824: warn when a slot without a reader retains this much WAL
-- Threshold slot_critical_bytes = 5368709120: critical when it retains this much WAL
-- Threshold slot_near_pct = 80: warn when a slot retains this percentage of max_slot_wal_keep_size
-- Threshold query_warn_ms = 30000: warn about a transaction on a standby that has been open for so long and has locked a month
-- Fully: pg_read_all_stats
-- Acute: yes
with
here as materialized (
    select
        pg_is_in_recovery() as is_standby,
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end as lsn
),
nodes as materialized (
    select
        format('standby %s', coalesce(nullif(r.application_name, ''), r.pid::text)) as object,
        'sender' as kind,
        r.state,
        pg_wal_lsn_diff(h.lsn, r.replay_lsn) as behind,
        extract(epoch from r.replay_lag)::double precision * 1000 as behind_ms,
        null::numeric as kept,
        null::bigint as rest,
        -- With hot_standby_feedback the oldest snapshot of the standby's queries, in transactions since then.
        age(r.backend_xmin) as snapshot_age,
        null::double precision as open_ms,
        r.sync_state as detail
    from pg_catalog.pg_stat_replication as r
    cross join here as h
    union all
    select
        format('slot %s', s.slot_name), s.slot_type, case when s.active then 'active' else 'inactive' end, null, null,
        pg_wal_lsn_diff(h.lsn, s.restart_lsn), s.safe_wal_size, age(s.xmin), null, s.wal_status
    from pg_catalog.pg_replication_slots as s
    cross join here as h
    union all
    select
        'this standby', 'receiver', coalesce(w.status, 'no receiver'),
        -- Without a receiver the primary's position is unknown, and the WAL received so far does not show it.
        case when w.pid is not null then pg_wal_lsn_diff(greatest(w.flushed_lsn, pg_last_wal_receive_lsn()), h.lsn) end,
        case
            when w.pid is not null and pg_wal_lsn_diff(greatest(w.flushed_lsn, pg_last_wal_receive_lsn()), h.lsn) > 0
                then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::double precision * 1000
        end,
        null, null, null, null,
        case when pg_is_in_recovery() and pg_is_wal_replay_paused() then 'replay is paused' end
    from here as h
    left join pg_catalog.pg_stat_wal_receiver as w on true
    where h.is_standby
        -- A standby that reads an archive has no receiver, and needs none.
        and (
            w.pid is not null
            or case when pg_has_role('pg_read_all_settings', 'usage') then current_setting('primary_conninfo') <> '' else true end
        )
),
-- The transactions of this standby that have locked tables of months, as replay of a month's DROP waits for each of them.
readers as materialized (
    select
        a.pid,
        format('pid %s (%s)', a.pid, concat_ws(', ', nullif(a.application_name, ''), 'role ' || a.usename)) as object,
        a.state,
        extract(epoch from clock_timestamp() - a.xact_start)::double precision * 1000 as open_ms,
        format('%s%s', min(c.relname), case when count(distinct c.oid) > 1 then format(' and %s more', count(distinct c.oid) - 1) end)
            as months
    from here as h
    join pg_catalog.pg_locks as l on l.granted and l.pid <> pg_backend_pid()
    join pg_catalog.pg_class as c on c.oid = l.relation and c.relkind = 'r'
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'chat_partitions'
    join pg_catalog.pg_stat_activity as a on a.pid = l.pid
    where h.is_standby and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
        and a.xact_start < clock_timestamp() - interval '1 second'
    group by a.pid, a.application_name, a.usename, a.state, a.xact_start
)
select
    n.object, n.kind, n.state, n.behind as behind_bytes, n.behind_ms as lag_ms, n.kept as kept_bytes, n.rest as rest_bytes,
    n.snapshot_age, n.open_ms, n.detail,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from nodes as n
union all
select
    r.object, 'query', r.state, null, null, null, null, null, r.open_ms, 'has locked ' || r.months,
    null, null, null, null, null, null, null
from readers as r
union all
select
    n.object, null, null, null, null, null, null, null, null, null,
    case when n.behind >= {lag_critical_bytes} or (n.behind > 0 and n.behind_ms >= {lag_critical_ms}) then 'critical' else 'warn' end,
    'lag',
    format('%s behind', pg_size_pretty(n.behind))
        || case when n.behind_ms is not null then format(', %s s', round(n.behind_ms::numeric / 1000)) else '' end
        || case when n.detail = 'replay is paused' then ': replay is paused' else '' end,
    n.behind, {lag_warn_bytes},
    case
        when n.detail = 'replay is paused' then 'select pg_wal_replay_resume();'
        else '-- on the standby run chatschema report replication and chatschema report transactions: a long query may block replay'
    end,
    null
from nodes as n
where n.behind >= {lag_warn_bytes} or (n.behind > 0 and n.behind_ms >= {lag_warn_ms})
union all
select
    n.object, null, null, null, null, null, null, null, null, null,
    case when n.kept >= {slot_critical_bytes} then 'critical' when n.kept >= {slot_warn_bytes} then 'warn' else 'info' end,
    'slot', format('no reader; it retains %s of WAL', pg_size_pretty(n.kept)), n.kept, {slot_warn_bytes},
    format(E'-- its standby or subscriber has to be recreated after this; or limit all slots: alter system set max_slot_wal_keep_size\nselect pg_drop_replication_slot(%L);',
        substr(n.object, 6)), null
from nodes as n
where n.state = 'inactive' and n.detail is distinct from 'lost' and n.detail is distinct from 'unreserved'
union all
select
    n.object, null, null, null, null, null, null, null, null, null, 'critical', 'ending',
    format('retains %s of WAL, more than max_slot_wal_keep_size (%s): the next checkpoint removes it', pg_size_pretty(n.kept),
        current_setting('max_slot_wal_keep_size')),
    n.kept, null,
    format('alter system set max_slot_wal_keep_size = ''%sMB''; select pg_reload_conf();', round(2 * n.kept / 1048576)),
    format('alter system set max_slot_wal_keep_size = %L; select pg_reload_conf();', current_setting('max_slot_wal_keep_size'))
from nodes as n
where n.detail = 'unreserved'
union all
select
    n.object, null, null, null, null, null, null, null, null, null, 'warn', 'near',
    format('retains %s of WAL, %s%% of max_slot_wal_keep_size (%s); after %s more it loses it, and its standby has to be recreated',
        pg_size_pretty(n.kept), round(100 * n.kept / (n.kept + n.rest)), current_setting('max_slot_wal_keep_size'), pg_size_pretty(n.rest)),
    100 * n.kept / (n.kept + n.rest), {slot_near_pct},
    format('alter system set max_slot_wal_keep_size = ''%sMB''; select pg_reload_conf();  -- or bring its reader back: %s',
        round(2 * n.kept / 1048576), n.state),
    format('alter system set max_slot_wal_keep_size = %L; select pg_reload_conf();', current_setting('max_slot_wal_keep_size'))
from nodes as n
where n.rest > 0 and n.detail in ('reserved', 'extended') and 100 * n.kept / (n.kept + n.rest) >= {slot_near_pct}
union all
select
    n.object, null, null, null, null, null, null, null, null, null, 'critical', 'lost', 'WAL that it needs was removed', null, null,
    format(E'-- recreate its standby or subscriber, then:\nselect pg_drop_replication_slot(%L);', substr(n.object, 6)), null
from nodes as n
where n.detail = 'lost'
union all
select
    n.object, null, null, null, null, null, null, null, null, null, 'critical', 'receiver',
    format('receives no WAL; the last replayed transaction is of %s',
        coalesce(to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'), 'an unknown time')),
    null, null, '-- check its log, and how it connects to the primary: show primary_conninfo', null
from nodes as n
where n.kind = 'receiver' and n.state = 'no receiver'
union all
select
    r.object, null, null, null, null, null, null, null, null, null, 'warn', 'query',
    format('open for %s s, has locked %s: the DROP of a month %s', round(r.open_ms::numeric / 1000), r.months,
        case
            when current_setting('max_standby_streaming_delay') = '-1' then 'waits for it, and all replay with it'
            else format('cancels it after %s (max_standby_streaming_delay); until then all replay waits',
                current_setting('max_standby_streaming_delay'))
        end),
    r.open_ms, {query_warn_ms},
    format('select %s(%s);', case when r.state = 'active' then 'pg_cancel_backend' else 'pg_terminate_backend' end, r.pid), null
from readers as r
where r.open_ms >= {query_warn_ms}
order by behind_bytes desc nulls last, kept_bytes desc nulls last, object
