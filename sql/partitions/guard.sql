-- guard: gives an attached month the statement triggers of its parent, for whoever writes to the month directly.
-- Why: a statement trigger fires for the table that the statement names, and for no partition of it.
do $guard$
begin
    -- Before that migration the parents had row triggers, which months get by themselves.
    if to_regprocedure('chatschema.guard_month(regclass)') is not null then
        perform chatschema.guard_month({month});
    end if;
end
$guard$
