-- snapshot_flush: the work of this session is counted at the end of this statement, not a second later.
-- Why: chatschema's own queries are subtracted from all transactions, so they have to be among them.
select pg_stat_force_next_flush()
/* chatschema report */
