-- split-table TABLE NEW COLUMNS: move columns, such as "bio, avatar_url", to a new table with the same primary key.
-- Locks: access exclusive on the table for a moment, twice or three times; the rows are written to the new table a batch at a time.
-- Clients: one release uses the columns of the old table, the next one the new table, which is a view until the last file: insert, update and select work, delete and upsert do not.

-- file: stop_requiring_columns_for_{new} if required
-- {table}: {required} may be null.
-- Why: the next release writes these columns to {new}, after it has inserted the row of {table}.
-- Risk: access exclusive on {table} for a moment; reads no row.
-- phase: expand
{nullable}
-- rollback:
-- Reads all of {table} while others wait. It fails if a row has no value any more.
{not_null}

-- file: create_{new}
-- {new}: {slug} of {table}, which move here.
-- Why: TODO why they are a table of their own.
-- Risk: share row exclusive on {table} for a moment; reads no row.
-- phase: expand
create table {rows_relation} (
{definitions}
);
{indexes}
{grants_rows}

{comments}

create function chatschema.{function}() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
-- if required
    if {missing} then
        -- The next release has inserted the row of {table}, and not yet that of {new}.
        delete from {rows_relation} as r where {same_new};
        return null;
    end if;
-- end
    insert into {rows_relation} as r ({all_columns}) values ({new_values})
        on conflict ({key_columns}) do update set {assignments}
        where ({r_columns}) is distinct from ({excluded_columns});
    return null;
end
$$;
revoke execute on function chatschema.{function}() from public;
create trigger {trigger} after insert or update on {relation}
    for each row execute function chatschema.{function}();

comment on function chatschema.{function}() is 'Trigger: writes {slug} of {table} to {rows} as well.';
comment on trigger {trigger} on {relation} is 'Writes {slug} to {rows} as well.';
-- rollback:
lock table {relation} in access exclusive mode;
drop trigger {trigger} on {relation};
drop function chatschema.{function}();
drop table {rows_relation};

-- file: fill_{new}
-- {new}: fill it with the rows that were there before its trigger.
-- Why: it takes the place of the columns when it is complete.
-- Risk: row locks that stop no update, on a batch of rows of {table} at a time; reads all of {table} once.
-- batch: {relation} as t by {key}
-- left: {present_t}not exists (select from {rows_relation} as r where {same_t})
insert into {rows_relation} ({all_columns})
select {t_values} from {relation} as t
where {batch}
for key share
on conflict ({key_columns}) do nothing;
-- rollback:
-- The rows stay until the file before drops the table.
select;

-- file: show_{new}
-- {new}: a view of {table}, until the columns move.
-- Why: the next release reads and writes {new}, while the one before still uses {table}.
-- Risk: none; nobody uses the view yet.
-- phase: expand
create view {new_relation} with (security_invoker = true) as
    select {all_columns} from {relation}{where_present};
{view_defaults}
{grants_view}

-- A row of {table} has its columns already, so an insert sets them.
create function chatschema.{view_function}() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        raise feature_not_supported using message = 'rows of {new} are deleted with their row of {table}, until {new} is a table';
    end if;
    update {relation} as t set {assignments_new} where {same_t_new};
    if not found then
        raise foreign_key_violation using message = 'there is no row of {table} for this row of {new}';
    end if;
    return new;
end
$$;
create trigger {new}_write instead of insert or delete on {new_relation}
    for each row execute function chatschema.{view_function}();

comment on view {new_relation} is 'The columns {slug} of {table}, until they move to a table of this name.';
comment on function chatschema.{view_function}() is 'Trigger: an insert into the view {new} sets the columns of {table}.';
comment on trigger {new}_write on {new_relation} is 'An insert sets the columns of {table}.';
-- rollback:
drop view {new_relation};
drop function chatschema.{view_function}();

-- file: move_columns_to_{new}
-- {new}: a table with {slug}, which {table} no longer has.
-- Why: no release that runs uses the columns of {table}.
-- Risk: access exclusive on {new} and {table} for a moment; reads and rewrites no row. A prepared "select *" of {table} fails with 0A000 until it is prepared again.
-- phase: contract
-- lock-timeout: 300ms
-- lock-attempts: 30
-- Stops nobody, and no autovacuum is at work on the table when the stronger lock is needed.
lock table {relation} in share update exclusive mode;
-- The view first: whoever uses it locks it before its table. In a block, because otherwise the table would be locked before the first statement.
do $$
begin
    lock table {new_relation} in access exclusive mode;
    drop trigger {trigger} on {relation};
    drop function chatschema.{function}();
    drop view {new_relation};
    drop function chatschema.{view_function}();
    alter table {rows_relation} rename to {new};
    alter table {relation} {drops};
end
$$;
-- rollback:
-- Writes all of {table} while others wait.
lock table {relation} in access exclusive mode;
alter table {new_relation} rename to {rows};
alter table {relation} {adds};
-- The rows are as they were before, and so is their time of last change.
alter table {relation} disable trigger user;
update {relation} as t set {assignments_r} from {rows_relation} as r where {same_t};
alter table {relation} enable trigger user;
{adds_not_null}
{grants_again}
{rebuilt}
{column_comments}
create function chatschema.{function}() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
-- if required
    if {missing} then
        -- The next release has inserted the row of {table}, and not yet that of {new}.
        delete from {rows_relation} as r where {same_new};
        return null;
    end if;
-- end
    insert into {rows_relation} as r ({all_columns}) values ({new_values})
        on conflict ({key_columns}) do update set {assignments}
        where ({r_columns}) is distinct from ({excluded_columns});
    return null;
end
$$;
revoke execute on function chatschema.{function}() from public;
create trigger {trigger} after insert or update on {relation}
    for each row execute function chatschema.{function}();
comment on function chatschema.{function}() is 'Trigger: writes {slug} of {table} to {rows} as well.';
comment on trigger {trigger} on {relation} is 'Writes {slug} to {rows} as well.';
create view {new_relation} with (security_invoker = true) as
    select {all_columns} from {relation}{where_present};
{view_defaults}
{grants_view}
create function chatschema.{view_function}() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        raise feature_not_supported using message = 'rows of {new} are deleted with their row of {table}, until {new} is a table';
    end if;
    update {relation} as t set {assignments_new} where {same_t_new};
    if not found then
        raise foreign_key_violation using message = 'there is no row of {table} for this row of {new}';
    end if;
    return new;
end
$$;
create trigger {new}_write instead of insert or delete on {new_relation}
    for each row execute function chatschema.{view_function}();
comment on view {new_relation} is 'The columns {slug} of {table}, until they move to a table of this name.';
comment on function chatschema.{view_function}() is 'Trigger: an insert into the view {new} sets the columns of {table}.';
comment on trigger {new}_write on {new_relation} is 'An insert sets the columns of {table}.';
