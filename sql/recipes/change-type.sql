-- change-type TABLE COLUMN TYPE: give a column another type, by a copy that a trigger and batches fill, and that takes its place.
-- Locks: access exclusive on the table for a moment, a few times; the rows are written a batch at a time.
-- Clients: all releases use the old name. Values beyond the old type are taken from the last file on. A prepared "select *" fails with 0A000 until it is prepared again.

-- file: copy_{table}_{column}
-- {table}: {copy}, the column {column} as {type}.
-- Why: TODO why the type changes.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.
-- phase: expand
alter table {relation} add column {copy} {type};
{grants}

create function chatschema.{function}() returns trigger
    language plpgsql
as $$
begin
-- if timed
    -- Only the batches write to the copy. They change no row that anybody sees, so its time of last change stays.
    if tg_op = 'UPDATE' and new.{copy} is distinct from old.{copy} then
        new.updated_at := old.updated_at;
    end if;
-- end
    new.{copy} := new.{column}::{type};
    return new;
end
$$;
-- Triggers run in the order of their names: this one comes after all that could change the column.
create trigger {trigger} before insert or update on {relation}
    for each row execute function chatschema.{function}();

comment on column {relation}.{copy} is 'The column {column} as {type}, which takes its place.';
comment on function chatschema.{function}() is 'Trigger: fills {copy} from {column}.';
comment on trigger {trigger} on {relation} is 'Fills {copy}.';
-- rollback:
-- Dropping a trigger locks the partitions before their table, the opposite order of every query.
lock table {relation} in access exclusive mode;
drop trigger {trigger} on {relation};
drop function chatschema.{function}();
alter table {relation} drop column {copy};

-- file: fill_{table}_{copy}
-- {table}: fill {copy} in the rows that were there before its trigger.
-- Why: the copy takes the place of {column} when it is complete.
-- Risk: row locks on a batch of rows at a time; writes all of {table} once.
-- batch: {relation} by {key}
-- left: {copy} is distinct from {column}::{type}
update {relation} set {copy} = {column}::{type} where {copy} is distinct from {column}::{type} and {batch};
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

-- file: refer_{owner}_{reference} each reference
-- {owner}: the key {reference} for {table}.{copy}, checked in new rows.
-- Why: it takes the place of {reference}.
-- Risk: share row exclusive on {owner} and the table that it refers to for a moment; reads no row.
alter table {owner_relation} add constraint {reference_copy}
    {reference_definition} not valid;

{reference_comment}
-- rollback:
alter table {owner_relation} drop constraint {reference_copy};

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

-- file: swap_{table}_{column}
-- {table}: {column} is of type {type}.
-- Why: its copy is complete and takes its place.
-- Risk: access exclusive on {table} for a moment; reads and rewrites no row. A prepared "select *" fails with 0A000 until it is prepared again.
-- phase: contract
-- Dropping a trigger locks the partitions before their table, the opposite order of every query.
lock table {relation} in access exclusive mode;
drop trigger {trigger} on {relation};
drop function chatschema.{function}();
{references_dropped}
{sequence_moved}
alter table {relation} drop column {column};
alter table {relation} rename column {copy} to {column};
{sequence_named}
-- if defaulted
alter table {relation} alter column {column} set default {default};
-- end
{renames}
comment on column {relation}.{column} is {comment};
-- rollback:
-- Writes all of {table} while others wait, and fails if a value is beyond the type {old_type}.
{renames_back}
alter table {relation} rename column {column} to {copy};
{unkeyed}
-- if defaulted
alter table {relation} alter column {copy} drop default;
-- end
comment on column {relation}.{copy} is 'The column {column} as {type}, which takes its place.';
alter table {relation} add column {column} {old_type} generated always as ({copy}::{old_type}) stored;
alter table {relation} alter column {column} drop expression;
{grants_again}
-- if defaulted
alter table {relation} alter column {column} set default {old_default};
-- end
-- if required
alter table {relation} alter column {column} set not null;
-- end
{sequence_back}
comment on column {relation}.{column} is {comment};
{rebuilt}
create function chatschema.{function}() returns trigger
    language plpgsql
as $$
begin
-- if timed
    -- Only the batches write to the copy. They change no row that anybody sees, so its time of last change stays.
    if tg_op = 'UPDATE' and new.{copy} is distinct from old.{copy} then
        new.updated_at := old.updated_at;
    end if;
-- end
    new.{copy} := new.{column}::{type};
    return new;
end
$$;
create trigger {trigger} before insert or update on {relation}
    for each row execute function chatschema.{function}();
comment on function chatschema.{function}() is 'Trigger: fills {copy} from {column}.';
comment on trigger {trigger} on {relation} is 'Fills {copy}.';
