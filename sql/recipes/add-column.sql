-- add-column TABLE COLUMN DEFINITION: add a column; DEFINITION is its type, and what follows it, such as "text not null default 'x'".
-- Locks: access exclusive on the table for a moment. With a default that differs from row to row, the rows are written a batch at a time.
-- Clients: a statement that was prepared as "select *" fails with SQLSTATE 0A000 until it is prepared again.

-- file: add_{table}_{column} if not rewriting
-- {table}: add {column}.
-- Why: TODO what the column is for.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.
-- phase: expand
alter table {relation} add column {column} {definition};

comment on column {relation}.{column} is 'TODO what a value means.';
-- rollback:
alter table {relation} drop column {column};

-- file: add_{table}_{column} if rewriting
-- {table}: add {column}, with its default in new rows.
-- Why: TODO what the column is for.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.
-- phase: expand
alter table {relation} add column {column} {type};
alter table {relation} alter column {column} set default {default};

comment on column {relation}.{column} is 'TODO what a value means.';
-- rollback:
alter table {relation} drop column {column};

-- file: fill_{table}_{column} if rewriting
-- {table}: fill {column} in the rows that were there before it.
-- Why: the default differs from row to row, and PostgreSQL would rewrite the table at once for it.
-- Risk: row locks on a batch of rows at a time; writes all of {table} once. Triggers of {table} run, such as that of updated_at.
-- batch: {relation} by {key}
-- left: {column} is null
update {relation} set {column} = {default} where {column} is null and {batch};
-- rollback:
-- The values stay until the file before drops the column.
select;

-- file: check_{table}_{column} if rewriting, required
-- {table}: {column} is not null, checked in new rows.
-- Why: every row has a value now.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} add constraint {present} check ({column} is not null) not valid;

comment on constraint {present} on {relation} is 'Not null, until the column itself says so.';
-- rollback:
alter table {relation} drop constraint {present};

-- file: validate_{table}_{column} if rewriting, required
-- {table}: checks that every row has {column}.
-- Why: separate from the file before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
alter table {relation} validate constraint {present};
-- rollback:
-- A valid check is as good as one that is not: the file before drops it.
select;

-- file: set_{table}_{column}_not_null if rewriting, required
-- {table}: {column} is not null.
-- Why: the constraint that was validated proves it, so no row is read.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} alter column {column} set not null;
alter table {relation} drop constraint {present};
-- rollback:
alter table {relation} add constraint {present} check ({column} is not null) not valid;
comment on constraint {present} on {relation} is 'Not null, until the column itself says so.';
alter table {relation} alter column {column} drop not null;
