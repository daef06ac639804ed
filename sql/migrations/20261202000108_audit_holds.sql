-- holds: the trail has each legal hold that was placed or released, whoever writes it.
-- Why: chatschema hold wrote these rows by hand; a hold that was released with psql left none.
-- Risk: new triggers on holds, which wait for their writers for the moment of the commit.
create function chatschema.audit_holds() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        perform chatschema.log_change(
            chatschema.audit_user(), 'hold.add', 'hold', new.id::text,
            jsonb_build_object(
                'conversation_id', new.conversation_id, 'user_id', new.user_id, 'from_at', new.from_at, 'to_at', new.to_at, 'reason', new.reason
            )
        );
    else
        perform chatschema.log_change(
            chatschema.audit_user(), 'hold.release', 'hold', new.id::text, jsonb_build_object('reason', new.release_reason), 'warning'
        );
    end if;
    return null;
end
$$;
comment on function chatschema.audit_holds() is 'Trigger: adds a row to the trail for a hold that was placed or released; no setting keeps it from that.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_holds() from public;

create trigger holds_audit_insert after insert on chatschema.holds
    for each row execute function chatschema.audit_holds();
create trigger holds_audit_update after update on chatschema.holds
    for each row when (old.released_at is null and new.released_at is not null) execute function chatschema.audit_holds();
comment on trigger holds_audit_insert on chatschema.holds is 'Logs a hold that was placed.';
comment on trigger holds_audit_update on chatschema.holds is 'Logs a hold that was released.';
