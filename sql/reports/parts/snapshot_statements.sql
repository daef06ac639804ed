-- snapshot_statements: the counters of every query of this database, per role.
-- Why: mean and deviation of the calls between two snapshots follow from calls, total and deviation of each. WAL is kept in
--   records as well as bytes: bytes rise after every checkpoint, by whole pages, although no query has changed.
select
    s.userid::bigint as userid,
    s.queryid::text as queryid,
    s.query,
    s.is_toplevel,
    s.calls,
    s.rows,
    s.total_ms,
    s.stddev_ms,
    s.shared_blks_hit as hit,
    s.shared_blks_read as read,
    s.temp_blks + s.temp_blks_read as temp,
    s.io_ms,
    s.wal_bytes::bigint as wal_bytes,
    (e.entry ->> 'wal_records')::bigint as wal_records,
    s.stats_since
from ({statements}) as s
left join (
    select to_jsonb(r) as entry from {pg_stat_statements}.pg_stat_statements(false) as r
) as e
    on (e.entry ->> 'userid')::oid = s.userid
        and (e.entry ->> 'dbid')::oid = s.dbid
        and (e.entry ->> 'queryid')::bigint = s.queryid
        and coalesce((e.entry ->> 'toplevel')::boolean, true) = s.is_toplevel
/* chatschema report */
