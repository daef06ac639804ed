-- snapshot_evictions: since when pg_stat_statements counts, and how many queries it has removed for lack of space.
-- Why: a removed entry that is stored again counts from 0, and before version 17 does not show it.
select i.dealloc as evictions, i.stats_reset as statements_reset
from {pg_stat_statements}.pg_stat_statements_info as i
/* chatschema report */
