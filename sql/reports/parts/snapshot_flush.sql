-- snapshot_flush: what this session has done so far is counted at the end of this statement, not a second later.
-- Why: what chatschema asked is taken from the transactions of all, so it has to be among them.
select pg_stat_force_next_flush()
/* chatschema report */
