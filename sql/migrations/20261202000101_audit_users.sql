-- users: the trail has the accounts that are created, changed and deleted.
-- Why: a stolen account begins with a changed password or address. Presence changes all the time, and never enters the function.
-- Risk: new triggers on users, which wait for their writers for the moment of the commit.
create function chatschema.audit_users() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform chatschema.log_change(
            chatschema.audit_actor(new.id), 'user.create', 'user', new.id::text,
            jsonb_build_object('username', new.username, 'account_state', new.account_state)
        );
    elsif tg_op = 'DELETE' then
        perform chatschema.log_change(
            chatschema.audit_user(), 'user.remove', 'user', old.id::text, jsonb_build_object('account_state', old.account_state), 'warning'
        );
    else
        perform chatschema.log_change(
            chatschema.audit_actor(new.id),
            'user.' || case
                when new.account_state <> old.account_state then case new.account_state
                    when 'active' then 'activate' when 'suspended' then 'suspend' when 'deactivated' then 'deactivate' else 'erase'
                end
                when new.password_hash is distinct from old.password_hash then 'password'
                when new.email is distinct from old.email then 'email'
                else 'rename'
            end,
            'user', new.id::text,
            -- An erasure must not write the values that it removes into the trail.
            case when new.account_state = 'erased'
                then jsonb_build_object(
                    'account_state', chatschema.change_of(old.account_state, new.account_state),
                    'username', chatschema.change_of_secret(old.username, new.username), 'email', chatschema.change_of_secret(old.email, new.email),
                    'password', chatschema.change_of_secret(old.password_hash, new.password_hash)
                )
                else jsonb_build_object(
                    'account_state', chatschema.change_of(old.account_state, new.account_state),
                    'username', chatschema.change_of(old.username, new.username), 'email', chatschema.change_of(old.email, new.email),
                    'password', chatschema.change_of_secret(old.password_hash, new.password_hash)
                )
            end,
            case when new.account_state in ('suspended', 'erased') and new.account_state <> old.account_state then 'warning' else 'info' end
        );
    end if;
    return null;
end
$$;
comment on function chatschema.audit_users() is
    'Trigger: adds a row to the trail for a user who was created, deleted, or whose state, name, address or password changed.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_users() from public;

-- The list of columns comes first: the condition is read from its stored form once a statement, which costs more than it takes to compare.
create trigger users_audit_insert after insert on public.users
    for each row execute function chatschema.audit_users();
create trigger users_audit_update after update of account_state, email, username, password_hash on public.users
    for each row
    when (
        old.account_state <> new.account_state or old.email is distinct from new.email or old.username <> new.username
        or old.password_hash is distinct from new.password_hash
    )
    execute function chatschema.audit_users();
create trigger users_audit_delete after delete on public.users
    for each row execute function chatschema.audit_users();
create trigger users_audit_truncate after truncate on public.users
    for each statement execute function chatschema.audit_truncate();
comment on trigger users_audit_insert on public.users is 'Logs a new user.';
comment on trigger users_audit_update on public.users is 'Logs a change of state, name, address or password.';
comment on trigger users_audit_delete on public.users is 'Logs a deleted user.';
comment on trigger users_audit_truncate on public.users is 'Logs a TRUNCATE.';
