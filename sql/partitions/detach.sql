-- detach: detaches a month in one step.
-- Why: for a server that refuses CONCURRENTLY. It briefly blocks all other sessions, so the caller waits for 150 ms at a time.
alter table {parent} detach partition {partition}
