-- check TABLE SUBJECT CONDITION: add a check to a table with rows, as TABLE_SUBJECT_check.
-- Locks: access exclusive on the table for a moment; share update exclusive, which stops nobody, while the rows are read.
-- Clients: from the first file on, a write that the check does not allow is refused.

-- file: check_{table}_{subject}
-- {table}: {constraint}, checked in new rows.
-- Why: TODO which rows are wrong, and how they come about.
-- Risk: access exclusive on {table} for a moment; reads no row. From now on a write that the check does not allow is refused.
alter table {relation} add constraint {constraint} check ({condition}) not valid;

comment on constraint {constraint} on {relation} is 'TODO what every row is like.';
-- rollback:
alter table {relation} drop constraint {constraint};

-- file: validate_{table}_{subject}
-- {table}: checks that every row is as {constraint} demands.
-- Why: separate from the file before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
alter table {relation} validate constraint {constraint};
-- rollback:
alter table {relation} drop constraint {constraint};
alter table {relation} add constraint {constraint} check ({condition}) not valid;
comment on constraint {constraint} on {relation} is 'TODO what every row is like.';
