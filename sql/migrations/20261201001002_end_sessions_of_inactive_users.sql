-- users: a user who is suspended, deactivated or erased loses all sessions.
-- Why: a refresh token that outlives its account signs a suspended user in again when the account is restored.
-- Risk: a new trigger on users, which waits for their writers for the moment of the commit.
create function chatschema.end_sessions_of_inactive_user() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- The row of the user is locked: nobody starts or rotates a session of this user until the commit.
    perform chatschema.end_sessions(new.id, case new.account_state when 'erased' then 'erasure' else 'admin' end);
    return null;
end
$$;
comment on function chatschema.end_sessions_of_inactive_user() is
    'Trigger: revokes the sessions of a user who is no longer active, with the reason admin, or erasure.';

-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.end_sessions_of_inactive_user() from public;

create trigger users_end_sessions after update of account_state on public.users
    for each row when (new.account_state <> 'active' and new.account_state <> old.account_state)
    execute function chatschema.end_sessions_of_inactive_user();
comment on trigger users_end_sessions on public.users is 'A user who is suspended, deactivated or erased loses all sessions.';
