-- rename-table TABLE NEW: rename a table; a view keeps its old name for the release that still uses it.
-- Locks: access exclusive on the table for a moment.
-- Clients: the old name is a view through which rows are read, inserted, upserted, updated and deleted; COPY FROM and TRUNCATE need the new name.

-- file: rename_{table}_to_{new}
-- {new}: the new name of {table}, which is a view now.
-- Why: TODO what the new name says better.
-- Risk: access exclusive on {table} for a moment.
-- phase: expand
alter table {relation} rename to {new};
create view {relation} with (security_invoker = true) as select * from {schema}.{new};
{grants}

comment on view {relation} is 'The old name of {new}, until no release uses it.';
-- rollback:
drop view {relation};
alter table {schema}.{new} rename to {table};

-- file: drop_{table}_view
-- {table}: drop the view that is the old name of {new}.
-- Why: no release that runs uses the old name.
-- Risk: access exclusive on the view for a moment.
-- phase: contract
drop view {relation};
-- rollback:
create view {relation} with (security_invoker = true) as select * from {schema}.{new};
{grants}
comment on view {relation} is 'The old name of {new}, until no release uses it.';
