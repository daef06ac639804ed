-- unique TABLE COLUMNS: refuse rows that repeat the values of columns, such as "provider, subject".
-- Locks: share update exclusive on one partition at a time while the index is built; then share, and access exclusive for a constraint, for a moment.
-- Clients: while the index is built a write that repeats values may be refused already.

-- file: add_{table}_{slug}_index
-- {table}: unique index on {columns}.
-- Why: TODO what two rows with the same values would break.
-- Risk: share update exclusive on one partition at a time while its index is built; then share on {table} for a moment.
-- online: index
create unique index {index} on {relation} ({columns});

comment on index {schema}.{index} is 'TODO the queries that it serves.';
-- rollback:
-- online: index
-- With the constraint, where there was one, its index was dropped as well.
drop index if exists {schema}.{index};

-- file: add_{table}_{slug}_key if not partitioned
-- {table}: one row for each {columns}.
-- Why: makes a constraint of the index that was built without blocking writes.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} add constraint {index} unique using index {index};

comment on constraint {index} on {relation} is 'TODO what two rows with the same values would break.';
-- rollback:
-- Its index is dropped with it. To add it again, undo the file before this one as well.
alter table {relation} drop constraint {index};
