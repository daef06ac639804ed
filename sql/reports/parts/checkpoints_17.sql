-- checkpoints_17: the numbers of timed and of requested checkpoints, from version 17 on, which has a view for them.
select b.num_timed as timed, b.num_requested as requested, b.stats_reset
from pg_catalog.pg_stat_checkpointer as b
