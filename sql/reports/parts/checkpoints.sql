-- checkpoints: the numbers of timed and of requested checkpoints, up to version 16; checkpoints_17 is for later versions.
select b.checkpoints_timed as timed, b.checkpoints_req as requested, b.stats_reset
from pg_catalog.pg_stat_bgwriter as b
