-- guard: gives an attached month the statement triggers of its parent, for whoever writes to the month directly.
-- Why: a statement trigger fires for the table that the statement names, and for no partition of it.
do $guard$
begin
    -- Before that migration the parents had row triggers, which months get by themselves; it guards the months that are there.
    if exists (
        select from pg_catalog.pg_trigger
        where tgrelid = {parent_name}::regclass and tgname in ('messages_remove_references', 'message_statuses_require_messages')
    ) then
        perform chatschema.guard_month({month});
    end if;
end
$guard$
