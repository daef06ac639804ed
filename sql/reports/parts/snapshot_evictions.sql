-- snapshot_evictions: since when pg_stat_statements counts, and how many queries it has forgotten for want of room.
-- Why: an entry that was forgotten and came again counts from 0, and before version 17 does not say so.
select i.dealloc as evictions, i.stats_reset as statements_reset
from {pg_stat_statements}.pg_stat_statements_info as i
/* chatschema report */
