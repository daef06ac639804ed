-- finalize: ends a detach that was cut off.
-- Why: until then the month is invisible, refuses rows, and no other can be detached concurrently.
alter table {parent} detach partition {partition} finalize
