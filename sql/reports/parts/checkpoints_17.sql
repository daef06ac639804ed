-- checkpoints_17: how many were timed and how many requested, from version 17 on, which keeps them in a view of their own.
select b.num_timed as timed, b.num_requested as requested, b.stats_reset
from pg_catalog.pg_stat_checkpointer as b
