-- set-not-null TABLE COLUMN: refuse null in a column of a table with rows.
-- Locks: access exclusive on the table for a moment, before PostgreSQL 18 twice; share update exclusive, which stops nobody, while the rows are read.
-- Clients: from the first file on, a write of null is refused.

-- file: check_{table}_{column}
-- {table}: {column} is not null, checked in new rows.
-- Why: TODO why a row without {column} is wrong.
-- Risk: access exclusive on {table} for a moment; reads no row. From now on a write of null is refused.
lock table {relation} in access exclusive mode;
-- PostgreSQL 18 has a NOT NULL whose rows are checked later. Before it, a check takes its place, under the same name.
do $$
begin
    if current_setting('server_version_num')::integer >= 180000 then
        execute 'alter table {relation} add constraint {constraint} not null {column} not valid';
    else
        alter table {relation} add constraint {constraint} check ({column} is not null) not valid;
        comment on constraint {constraint} on {relation} is 'Not null, until the column itself says so.';
    end if;
end
$$;
-- rollback:
alter table {relation} drop constraint {constraint};

-- file: validate_{table}_{column}
-- {table}: checks that every row has {column}.
-- Why: separate from the file before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
alter table {relation} validate constraint {constraint};
-- rollback:
-- A valid constraint is as good as one that is not: the file before drops it.
select;

-- file: set_{table}_{column}_not_null
-- {table}: {column} is not null.
-- Why: before PostgreSQL 18 the constraint is a check, which proves that no row has to be read. On 18 nothing is left to do.
-- Risk: before PostgreSQL 18 access exclusive on {table} for a moment; reads no row. On 18 nobody waits.
-- Stops nobody, and no autovacuum is at work on the table when the stronger lock is needed.
lock table {relation} in share update exclusive mode;
do $$
begin
    if exists (
        select from pg_catalog.pg_constraint
        where conrelid = '{relation}'::regclass and conname = '{constraint}' and contype = 'c'
    ) then
        alter table {relation} alter column {column} set not null;
        alter table {relation} drop constraint {constraint};
    end if;
end
$$;
-- rollback:
lock table {relation} in share update exclusive mode;
do $$
begin
    if not exists (
        select from pg_catalog.pg_constraint where conrelid = '{relation}'::regclass and conname = '{constraint}'
    ) then
        alter table {relation} add constraint {constraint} check ({column} is not null) not valid;
        comment on constraint {constraint} on {relation} is 'Not null, until the column itself says so.';
        alter table {relation} alter column {column} drop not null;
    end if;
end
$$;
