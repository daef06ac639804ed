-- erasures: the trail has each erasure that was recorded by itself; one that marks a user as erased is logged with the user.
-- Why: a recorded erasure removes content from every month that is restored.
-- Risk: a new trigger on erasures, which waits for their writers for the moment of the commit.
create function chatschema.audit_erasures() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not chatschema.is_audit_batch() then
        perform chatschema.log_change(
            chatschema.audit_user(), 'erasure.record', new.subject_type, new.subject_id::text, jsonb_build_object('erased_at', new.erased_at), 'warning'
        );
    end if;
    return null;
end
$$;
comment on function chatschema.audit_erasures() is 'Trigger: adds a row to the trail, about the user, conversation or message, for an erasure that was recorded.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_erasures() from public;

create trigger erasures_audit_insert after insert on chatschema.erasures
    for each row when (pg_trigger_depth() = 0) execute function chatschema.audit_erasures();
comment on trigger erasures_audit_insert on chatschema.erasures is 'Logs an erasure that was recorded by itself.';
