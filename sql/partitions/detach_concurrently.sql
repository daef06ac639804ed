-- detach_concurrently: detaches a month while reads and writes of all months continue.
-- Why: it waits for older transactions, and new ones do not wait for it; finalize finishes an interrupted detach.
alter table {parent} detach partition {partition} concurrently
