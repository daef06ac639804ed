-- set-not-null TABLE COLUMN: refuse null in a column of a table with rows.
-- Locks: access exclusive on the table for a moment, twice; share update exclusive, which stops nobody, while the rows are read.
-- Clients: from the first file on, a write of null is refused.

-- file: check_{table}_{column}
-- {table}: {column} is not null, checked in new rows.
-- Why: TODO why a row without {column} is wrong.
-- Risk: access exclusive on {table} for a moment; reads no row. From now on a write of null is refused.
alter table {relation} add constraint {check} check ({column} is not null) not valid;

comment on constraint {check} on {relation} is 'Not null, until the column itself says so.';
-- rollback:
alter table {relation} drop constraint {check};

-- file: validate_{table}_{column}
-- {table}: checks that every row has {column}.
-- Why: separate from the file before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
alter table {relation} validate constraint {check};
-- rollback:
alter table {relation} drop constraint {check};
alter table {relation} add constraint {check} check ({column} is not null) not valid;
comment on constraint {check} on {relation} is 'Not null, until the column itself says so.';

-- file: set_{table}_{column}_not_null
-- {table}: {column} is not null.
-- Why: the constraint that was validated proves it, so no row is read.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} alter column {column} set not null;
alter table {relation} drop constraint {check};
-- rollback:
alter table {relation} add constraint {check} check ({column} is not null) not valid;
comment on constraint {check} on {relation} is 'Not null, until the column itself says so.';
alter table {relation} alter column {column} drop not null;
