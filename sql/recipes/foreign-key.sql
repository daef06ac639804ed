-- foreign-key TABLE COLUMN TARGET [ACTION]: refer to the primary key of another table; ACTION such as "on delete cascade".
-- Locks: share row exclusive on both tables for a moment; share update exclusive, which stops nobody, while the rows are read; for a partitioned table then access exclusive on the target for a moment.
-- Clients: from the first file on, a write that refers to no row is refused.

-- file: add_{table}_{column}_index if unindexed
-- {table}: index on {column}.
-- Why: without it a delete from {target} reads all of {table}.
-- Risk: share update exclusive on one partition at a time while its index is built; then share on {table} for a moment.
-- online: index
create index {index} on {relation} ({column});

comment on index {schema}.{index} is 'Deleting from {target}; TODO the queries that it serves.';
-- rollback:
-- online: index
drop index {schema}.{index};

-- file: refer_{table}_{column} if not partitioned
-- {table}: {column} refers to {target}, checked in new rows.
-- Why: TODO what a row without its {target} would break.
-- Risk: share row exclusive on {table} and {target} for a moment; reads no row. From now on a write that refers to no row is refused.
alter table {relation} add constraint {constraint}
    foreign key ({column}) references {target_relation} ({target_column}){action} not valid;

comment on constraint {constraint} on {relation} is 'TODO what becomes of a row when its {target} is deleted.';
-- rollback:
alter table {relation} drop constraint {constraint};

-- file: validate_{table}_{column} if not partitioned
-- {table}: checks that every {column} refers to a row of {target}.
-- Why: separate from the file before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
alter table {relation} validate constraint {constraint};
-- rollback:
alter table {relation} drop constraint {constraint};
alter table {relation} add constraint {constraint}
    foreign key ({column}) references {target_relation} ({target_column}){action} not valid;
comment on constraint {constraint} on {relation} is 'TODO what becomes of a row when its {target} is deleted.';

-- file: refer_{table}_{column}_months if partitioned
-- {table}: {column} refers to {target}, checked in new rows of each partition.
-- Why: TODO what a row without its {target} would break.
-- Risk: share row exclusive on {target} and {table} for a moment; reads no row. From now on a write that refers to no row is refused.
lock table {relation}, {target_relation} in share row exclusive mode;
-- Before 18 PostgreSQL refuses a foreign key that is not valid on a partitioned table, so each partition gets its own.
do $$
declare
    month regclass;
begin
    for month in select inhrelid from pg_catalog.pg_inherits where inhparent = '{relation}'::regclass order by inhrelid loop
        execute format(
            'alter table %s add constraint {constraint}'
            ' foreign key ({column}) references {target_relation} ({target_column}){action} not valid', month
        );
    end loop;
end
$$;
-- rollback:
lock table {relation}, {target_relation} in access exclusive mode;
do $$
declare
    month regclass;
begin
    for month in
        select conrelid from pg_catalog.pg_constraint
        where conname = '{constraint}' and conrelid in (
            select inhrelid from pg_catalog.pg_inherits where inhparent = '{relation}'::regclass
        )
    loop
        execute format('alter table %s drop constraint {constraint}', month);
    end loop;
end
$$;

-- file: validate_{table}_{column}_months if partitioned
-- {table}: checks that every {column} refers to a row of {target}.
-- Why: separate from the file before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
do $$
declare
    month regclass;
begin
    for month in
        select conrelid from pg_catalog.pg_constraint
        where conname = '{constraint}' and not convalidated and conrelid in (
            select inhrelid from pg_catalog.pg_inherits where inhparent = '{relation}'::regclass
        )
    loop
        execute format('alter table %s validate constraint {constraint}', month);
    end loop;
end
$$;
-- rollback:
-- A valid key is as good as one that is not: the file before drops it.
select;

-- file: refer_{table}_{column} if partitioned
-- {table}: {column} refers to {target}.
-- Why: joins the keys of the partitions, which are valid, so no row is read; a partition that has none yet gets one.
-- Risk: share row exclusive on {table} and access exclusive on {target} for a moment.
alter table {relation} add constraint {constraint}
    foreign key ({column}) references {target_relation} ({target_column}){action};

comment on constraint {constraint} on {relation} is 'TODO what becomes of a row when its {target} is deleted.';
-- rollback:
-- It takes along the keys of the partitions. To add it again without a long lock, undo the two files before this one as well.
alter table {relation} drop constraint {constraint};
