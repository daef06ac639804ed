-- extend-key TABLE COLUMNS: add columns, such as "device", to the primary key, so that more than one row may share the present one.
-- Locks: share update exclusive while the index is built; access exclusive on the table for a moment.
-- Clients: rows that share the present key are refused until the last file; "on conflict" needs the new key from then on, and can use it before.

-- file: index_{table}_{slug}
-- {table}: unique index on {columns}, which becomes the primary key.
-- Why: TODO which rows share the present key.
-- Risk: share update exclusive on {table} while the index is built; then share for a moment.
-- phase: expand
-- online: index
create unique index {copy} on {relation} ({columns});

{index_comment}
-- rollback:
-- online: index
-- With the primary key, where there was one, its index was dropped as well.
drop index if exists {schema}.{copy};

-- file: extend_{table}_key
-- {table}: primary key ({columns}).
-- Why: no release that runs names the key before it in "on conflict".
-- Risk: access exclusive on {table} for a moment; reads no row.
-- phase: contract
alter table {relation} drop constraint {pkey};
alter table {relation} add constraint {pkey} primary key using index {copy};

{comment}
-- rollback:
-- Reads all of {table} while others wait. It fails if rows share the key.
alter table {relation} drop constraint {pkey};
{again}
create unique index {copy} on {relation} ({columns});
{index_comment}
