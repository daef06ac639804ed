-- rename-column TABLE COLUMN NEW: rename a column in two releases; until the second, both names exist and have the same values.
-- Locks: access exclusive on the table for a moment, a few times; the rows are written a batch at a time.
-- Clients: one release uses the old name, the next the new one. A prepared "select *" fails with 0A000 until it is prepared again.

-- file: copy_{table}_{column}_to_{copy}
-- {table}: {copy}, the new name of {column}.
-- Why: TODO what the new name says better.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.
-- phase: expand
alter table {relation} add column {copy} {type}{collation};
{grants}

create function chatschema.{function}() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        -- Until the old name is dropped only it has the default, so a value under the new name was written.
        if new.{copy} is null then
            new.{copy} := new.{column};
        else
            new.{column} := new.{copy};
        end if;
    elsif new.{column} is distinct from old.{column} then
        new.{copy} := new.{column};
    elsif new.{copy} is distinct from old.{copy} then
-- if timed
        -- The batches change no row that anybody sees, so its time of last change stays.
        if new.{copy} is not distinct from new.{column} then
            new.updated_at := old.updated_at;
        end if;
-- end
        new.{column} := new.{copy};
    else
        -- A row that the batches have not reached.
        new.{copy} := new.{column};
    end if;
    return new;
end
$$;
-- Triggers run in the order of their names: this one comes after all that could change the column.
create trigger {trigger} before insert or update on {relation}
    for each row execute function chatschema.{function}();

comment on column {relation}.{copy} is {comment};
comment on function chatschema.{function}() is 'Trigger: {column} and {copy} have the same value.';
comment on trigger {trigger} on {relation} is '{column} and {copy} have the same value.';
-- rollback:
-- Dropping a trigger locks the partitions before their table, the opposite order of every query.
lock table {relation} in access exclusive mode;
drop trigger {trigger} on {relation};
drop function chatschema.{function}();
alter table {relation} drop column {copy};

-- file: fill_{table}_{copy}
-- {table}: fill {copy} in the rows that were there before its trigger.
-- Why: the next release reads {copy}.
-- Risk: row locks on a batch of rows at a time; writes all of {table} once.
-- batch: {relation} by {key}
-- left: {copy} is distinct from {column}
update {relation} set {copy} = {column} where {copy} is distinct from {column} and {batch};
-- rollback:
-- The values stay until the file before drops the column.
select;

-- file: index_{table}_{index} each index
-- {table}: the index {index} for {copy}.
-- Why: it takes the place of {index}.
-- Risk: share update exclusive on one partition at a time while its index is built; then share on {table} for a moment.
-- online: index
create {unique}index {index_copy} on {relation} {index_tail};

{index_comment}
-- rollback:
-- online: index
drop index {schema}.{index_copy};

-- file: check_{table}_{check} each check
-- {table}: the check {check} for {copy}, in new rows.
-- Why: it takes the place of {check}.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} add constraint {check_copy} {check_definition} not valid;

{check_comment}
-- rollback:
alter table {relation} drop constraint {check_copy};

-- file: check_{table}_{copy}_present if required
-- {table}: {copy} is not null, checked in new rows.
-- Why: {column} is not null, and so is what takes its place.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} add constraint {present} check ({copy} is not null) not valid;

comment on constraint {present} on {relation} is 'Not null, until the column itself says so.';
-- rollback:
alter table {relation} drop constraint {present};

-- file: validate_{table}_{copy} if checked
-- {table}: checks {copy} in all rows.
-- Why: separate from the files before, so that nobody waits while the table is read.
-- Risk: reads {table}, and blocks neither readers nor writers.
{validations}
-- rollback:
-- A valid check is as good as one that is not: the files before drop them.
select;

-- file: set_{table}_{copy}_not_null if required
-- {table}: {copy} is not null.
-- Why: the check that was validated proves it, so no row is read; the last file has less to do while others wait.
-- Risk: access exclusive on {table} for a moment; reads no row.
alter table {relation} alter column {copy} set not null;
alter table {relation} drop constraint {present};
-- rollback:
alter table {relation} add constraint {present} check ({copy} is not null) not valid;
comment on constraint {present} on {relation} is 'Not null, until the column itself says so.';
alter table {relation} alter column {copy} drop not null;

-- file: drop_{table}_{column}
-- {table}: drop {column}, the old name of {copy}.
-- Why: no release that runs uses the old name.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.
-- phase: contract
-- Dropping a trigger locks the partitions before their table, the opposite order of every query.
lock table {relation} in access exclusive mode;
drop trigger {trigger} on {relation};
drop function chatschema.{function}();
alter table {relation} drop column {column};
-- if defaulted
alter table {relation} alter column {copy} set default {default};
-- end
{renames}
-- rollback:
-- Writes all of {table} while others wait.
{renames_back}
-- if defaulted
alter table {relation} alter column {copy} drop default;
-- end
alter table {relation} add column {column} {type}{collation} generated always as ({copy}) stored;
alter table {relation} alter column {column} drop expression;
{grants_again}
-- if defaulted
alter table {relation} alter column {column} set default {default};
-- end
-- if required
alter table {relation} alter column {column} set not null;
-- end
comment on column {relation}.{column} is {comment};
{rebuilt}
create function chatschema.{function}() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        -- Until the old name is dropped only it has the default, so a value under the new name was written.
        if new.{copy} is null then
            new.{copy} := new.{column};
        else
            new.{column} := new.{copy};
        end if;
    elsif new.{column} is distinct from old.{column} then
        new.{copy} := new.{column};
    elsif new.{copy} is distinct from old.{copy} then
-- if timed
        -- The batches change no row that anybody sees, so its time of last change stays.
        if new.{copy} is not distinct from new.{column} then
            new.updated_at := old.updated_at;
        end if;
-- end
        new.{column} := new.{copy};
    else
        -- A row that the batches have not reached.
        new.{copy} := new.{column};
    end if;
    return new;
end
$$;
create trigger {trigger} before insert or update on {relation}
    for each row execute function chatschema.{function}();
comment on function chatschema.{function}() is 'Trigger: {column} and {copy} have the same value.';
comment on trigger {trigger} on {relation} is '{column} and {copy} have the same value.';
