-- statements: this database's entries of pg_stat_statements, with the same column names in every version of the extension.
-- Why: the columns depend on the extension, not on the server: pg_upgrade leaves an old view behind, so they are read from the view
--   that exists. Without pg_read_all_stats the texts and numbers of other roles' queries are hidden; their counters are not.
select
    s.userid,
    s.dbid,
    s.queryid,
    s.query,
    coalesce((e.entry ->> 'toplevel')::boolean, true) as is_toplevel,
    s.calls,
    s.rows,
    coalesce(e.entry ->> 'total_exec_time', e.entry ->> 'total_time')::double precision as total_ms,
    coalesce(e.entry ->> 'mean_exec_time', e.entry ->> 'mean_time')::double precision as mean_ms,
    coalesce(e.entry ->> 'stddev_exec_time', e.entry ->> 'stddev_time')::double precision as stddev_ms,
    coalesce(e.entry ->> 'max_exec_time', e.entry ->> 'max_time')::double precision as max_ms,
    coalesce(e.entry ->> 'min_exec_time', e.entry ->> 'min_time')::double precision as min_ms,
    (
        coalesce((e.entry ->> 'jit_generation_time')::double precision, 0)
        + coalesce((e.entry ->> 'jit_inlining_time')::double precision, 0)
        + coalesce((e.entry ->> 'jit_optimization_time')::double precision, 0)
        + coalesce((e.entry ->> 'jit_emission_time')::double precision, 0)
    ) as jit_ms,
    s.shared_blks_hit,
    s.shared_blks_read,
    s.local_blks_hit + s.local_blks_read as local_blks,
    s.temp_blks_written as temp_blks,
    s.temp_blks_read,
    case
        when current_setting('track_io_timing')::boolean then
            coalesce(e.entry ->> 'shared_blk_read_time', e.entry ->> 'blk_read_time')::double precision
            + coalesce(e.entry ->> 'shared_blk_write_time', e.entry ->> 'blk_write_time')::double precision
            + coalesce((e.entry ->> 'temp_blk_read_time')::double precision + (e.entry ->> 'temp_blk_write_time')::double precision, 0)
    end as io_ms,
    (e.entry ->> 'wal_bytes')::numeric as wal_bytes,
    (e.entry ->> 'stats_since')::timestamptz as stats_since
from {pg_stat_statements}.pg_stat_statements as s
-- offset 0: without it each column above would build the whole object again.
cross join lateral (select to_jsonb(s) as entry offset 0) as e
where s.dbid = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
    and coalesce(s.query, '') !~ '/\* chatschema( report)? \*/\s*$'
