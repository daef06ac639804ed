-- add-column TABLE COLUMN DEFINITION: add a column; DEFINITION is its type, and what follows it, such as "text not null default 'x'".
-- Locks: access exclusive on the table for a moment.
-- Clients: a statement that was prepared as "select *" fails once with SQLSTATE 0A000 and succeeds when it is repeated.

-- file: add_{table}_{column}
-- {table}: add {column}.
-- Why: TODO what the column is for.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails once with 0A000.
-- phase: expand
alter table {relation} add column {column} {definition};

comment on column {relation}.{column} is 'TODO what a value means.';
-- rollback:
alter table {relation} drop column {column};
