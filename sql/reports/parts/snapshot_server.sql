-- snapshot_server: which database this is, and when its statistics were reset.
-- Why: a snapshot is compared only with one of the same database, and calls of a query can be judged only beside the number of
--   transactions. The counters restart at the database's own reset, and after a crash, which moves only the cluster-wide times.
select
    o.oid::bigint as database_oid,
    d.stats_reset as database_reset,
    d.xact_commit + d.xact_rollback as transactions,
    least(b.stats_reset, a.stats_reset) as cluster_reset,
    current_setting('block_size')::integer as block_size,
    has_function_privilege('pg_catalog.pg_control_system()', 'execute') as is_system_shown,
    -- The view came with version 1.9 of the extension.
    exists (
        select from pg_catalog.pg_extension as e
        join pg_catalog.pg_class as c on c.relnamespace = e.extnamespace and c.relname = 'pg_stat_statements_info'
        where e.extname = 'pg_stat_statements'
    ) as is_eviction_counted
from pg_catalog.pg_database as o
join pg_catalog.pg_stat_database as d on d.datid = o.oid
cross join pg_catalog.pg_stat_bgwriter as b
cross join pg_catalog.pg_stat_archiver as a
where o.datname = current_database()
/* chatschema report */
