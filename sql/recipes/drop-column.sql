-- drop-column TABLE COLUMN: drop a column in two releases: the first no longer needs it, the second removes it.
-- Locks: access exclusive on the table for a moment, twice.
-- Clients: the release between the two must neither read nor write the column. A prepared "select *" fails with 0A000 until it is prepared again.

-- file: stop_requiring_{table}_{column} if required
-- {table}: {column} may be null.
-- Why: TODO what replaces the column. The next release leaves it out when it writes a row.
-- Risk: access exclusive on {table} for a moment; reads no row.
-- phase: expand
alter table {relation} alter column {column} drop not null;
-- rollback:
-- Reads all of {table} while others wait. It fails if a row has no value any more.
alter table {relation} alter column {column} set not null;

-- file: drop_{table}_{column}
-- {table}: drop {column}.
-- Why: no release that runs reads or writes it.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.{takes}
-- phase: contract
alter table {relation} drop column {column};
-- rollback:
-- The values are lost: each row gets the default.{rebuilds}
alter table {relation} add column {column} {type}{collation}{default};
{grants}
{comment}
{dependents}

