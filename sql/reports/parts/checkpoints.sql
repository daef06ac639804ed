-- checkpoints: how many were timed and how many requested. Up to version 16; checkpoints_17 is for the later ones.
select b.checkpoints_timed as timed, b.checkpoints_req as requested, b.stats_reset
from pg_catalog.pg_stat_bgwriter as b
