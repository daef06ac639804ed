-- activity: rows written and block reads of this database since its statistics were reset, and over how many seconds.
-- Why: a crash empties all statistics but leaves the database's reset time unchanged; it moves the cluster-wide times. So the
--   period begins at the later of the database's time and the earliest cluster-wide one.
select
    extract(epoch from clock_timestamp() - greatest(d.stats_reset, least(b.stats_reset, a.stats_reset)))::double precision as observed_s,
    (d.tup_inserted + d.tup_updated + d.tup_deleted)::bigint as rows_written,
    io.blocks::bigint as blocks,
    io.hit::bigint as blocks_hit,
    (select s.setting::bigint * current_setting('block_size')::integer from pg_catalog.pg_settings as s where s.name = 'shared_buffers')
        as shared_buffers
from pg_catalog.pg_stat_database as d
cross join pg_catalog.pg_stat_bgwriter as b
cross join pg_catalog.pg_stat_archiver as a
cross join (
    select
        coalesce(sum(heap_blks_hit + coalesce(idx_blks_hit, 0) + coalesce(toast_blks_hit, 0) + coalesce(tidx_blks_hit, 0)), 0) as hit,
        coalesce(sum(
            heap_blks_hit + coalesce(idx_blks_hit, 0) + coalesce(toast_blks_hit, 0) + coalesce(tidx_blks_hit, 0)
            + heap_blks_read + coalesce(idx_blks_read, 0) + coalesce(toast_blks_read, 0) + coalesce(tidx_blks_read, 0)
        ), 0) as blocks
    from pg_catalog.pg_statio_user_tables
) as io
where d.datname = current_database()
/* chatschema */
