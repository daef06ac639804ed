-- detach_concurrently: takes a month out while readers and writers of all months go on.
-- Why: it waits for the transactions that were there before it instead of making new ones wait; what is cut off, finalize ends.
alter table {parent} detach partition {partition} concurrently
