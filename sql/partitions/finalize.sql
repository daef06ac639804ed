-- finalize: finishes an interrupted detach.
-- Why: until then the month is unavailable, inserts into it fail, and no other month can be detached concurrently.
alter table {parent} detach partition {partition} finalize
