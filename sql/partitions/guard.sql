-- guard: adds the statement triggers of the parent to an attached month, for statements that write to the month directly.
-- Why: a statement trigger fires only for the table that the statement names, and not for its partitions.
do $guard$
begin
    -- Before the migration that adds statement triggers, the parent has row triggers, which PostgreSQL copies to months itself;
    -- that migration guards the existing months.
    if exists (
        select from pg_catalog.pg_inherits as i
        join pg_catalog.pg_trigger as t on t.tgrelid = i.inhparent
        where i.inhrelid = to_regclass({month}) and t.tgname in ('messages_remove_references', 'message_statuses_require_messages')
    ) then
        perform chatschema.guard_month({month});
    end if;
end
$guard$
