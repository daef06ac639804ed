-- detach: takes a month out at once.
-- Why: for a server that refuses CONCURRENTLY. It locks out everybody for a moment, so the caller asks for 150 ms at a time.
alter table {parent} detach partition {partition}
