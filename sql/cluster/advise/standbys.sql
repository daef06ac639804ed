-- standbys: the standbys that follow, and how far their replay is behind.
-- Why: without pg_monitor a role sees that they exist, and nothing of them.
select
    coalesce(nullif(r.application_name, ''), r.pid::text) as name,
    case
        when r.replay_lsn is null then null
        when pg_is_in_recovery() then pg_wal_lsn_diff(pg_last_wal_replay_lsn(), r.replay_lsn)::bigint
        else pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::bigint
    end as behind_bytes,
    (extract(epoch from r.replay_lag) * 1000)::double precision as behind_ms
from pg_catalog.pg_stat_replication as r
order by 1
/* chatschema */
