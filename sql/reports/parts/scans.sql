-- scans: how often each index was scanned on this node.
-- Why: an index that only a standby uses has no scans on the primary; the report sums an index and its parts.
select s.indexrelid::regclass::text as index, s.idx_scan::bigint as scans
from pg_catalog.pg_stat_user_indexes as s
where s.idx_scan > 0
/* chatschema report */
