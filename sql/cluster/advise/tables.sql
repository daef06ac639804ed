-- tables: rows read and rows written, over all tables of the application.
-- Why: the share of reads, where the statements themselves are not recorded.
select
    coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint as rows_read,
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint as rows_written
from pg_catalog.pg_stat_user_tables
/* chatschema */
