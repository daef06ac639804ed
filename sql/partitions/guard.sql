-- guard: gives an attached month the statement triggers of its parent, for whoever writes to the month directly.
-- Why: a statement trigger fires for the table that the statement names, and for no partition of it.
do $guard$
begin
    -- Before the migration that gives the parent its statement triggers it has row triggers, which months get by themselves;
    -- that migration guards the months that are there.
    if exists (
        select from pg_catalog.pg_inherits as i
        join pg_catalog.pg_trigger as t on t.tgrelid = i.inhparent
        where i.inhrelid = to_regclass({month}) and t.tgname in ('messages_remove_references', 'message_statuses_require_messages')
    ) then
        perform chatschema.guard_month({month});
    end if;
end
$guard$
