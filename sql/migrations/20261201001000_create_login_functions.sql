-- functions: sign-in and registration, which happen before the application knows who acts.
-- Why: with row level security the application reads no row and no hash before app.user_id is set; these functions are the only way to one.
-- Risk: new functions only; takes no lock on existing data.
-- Access: app: execute chatschema.find_login(text)
-- Access: app: execute chatschema.register_user(text, text, text, text, text)
-- Access: app: execute chatschema.change_password(uuid, text, uuid)
-- Access: app: execute chatschema.session_hash(uuid)
create function chatschema.refuse_other_user(wanted uuid) returns void
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.context_user() <> wanted then
        raise exception 'app.user_id is another user'
            using errcode = 'insufficient_privilege', hint = 'Call the function for the user of the transaction.';
    end if;
end
$$;
comment on function chatschema.refuse_other_user(uuid) is
    'Raises an error if app.user_id is set and is another user. Without it anybody may be named: sign-in and sign-out come before it.';

-- The value is in no message and no detail: errors are logged.
create function chatschema.require_bcrypt(hash text) returns void
    language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
    if hash is null or hash !~ '^\$2[aby]\$12\$[./A-Za-z0-9]{53}$' then
        raise exception 'the hash of the refresh token is not bcrypt of cost 12'
            using errcode = 'invalid_parameter_value', hint = 'Hash the secret of the token, without the session id: bcrypt reads 72 bytes.';
    end if;
end
$$;
comment on function chatschema.require_bcrypt(text) is 'Raises an error if a text is not a bcrypt hash of cost 12, without repeating it.';

create function chatschema.require_password_hash(hash text) returns void
    language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
    if hash !~ '^\$[a-z0-9-]+\$' then
        raise exception 'the password is not hashed'
            using errcode = 'invalid_parameter_value', hint = 'Give the result of bcrypt or argon2, or null for a user who signs in elsewhere.';
    end if;
end
$$;
comment on function chatschema.require_password_hash(text) is 'Raises an error if a text looks like a password and not like its hash, without repeating it.';

create function chatschema.find_login(name text) returns table (user_id uuid, password_hash text, account_state text)
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- A user name has no @, an address has one. Two queries, so that each uses its index.
    if strpos(find_login.name, '@') > 0 then
        return query select u.id, u.password_hash, u.account_state from public.users as u where u.email = lower(find_login.name);
    else
        return query select u.id, u.password_hash, u.account_state from public.users as u where u.username = lower(find_login.name);
    end if;
end
$$;
comment on function chatschema.find_login(text) is
    'The user with a user name or address, to compare the password with the hash; no row if there is none. Look at account_state after the password.';

create function chatschema.register_user(
    username text, password_hash text, email text default null, display_name text default null, avatar_url text default null
) returns uuid
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    registered uuid;
    broken text;
begin
    perform chatschema.require_password_hash(register_user.password_hash);
    insert into public.users (username, password_hash, email, display_name, avatar_url)
    values (
        lower(register_user.username), register_user.password_hash, lower(register_user.email), register_user.display_name,
        register_user.avatar_url
    )
    returning users.id into registered;
    return registered;
exception when check_violation then
    -- Again without the detail, which would have the row, and the hash in it.
    get stacked diagnostics broken = constraint_name;
    raise exception 'new row for relation "users" violates check constraint "%"', broken
        using errcode = 'check_violation', schema = 'public', table = 'users', constraint = broken;
end
$$;
comment on function chatschema.register_user(text, text, text, text, text) is
    'Creates a user and returns the id. Raises 23505 if the name or the address is taken.';

create function chatschema.change_password(user_id uuid, password_hash text, keep uuid default null) returns integer
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform chatschema.refuse_other_user(change_password.user_id);
    perform chatschema.require_password_hash(change_password.password_hash);
    update public.users as u set password_hash = change_password.password_hash
    where u.id = change_password.user_id and u.account_state = 'active';
    if not found then
        raise exception 'the user is not active' using errcode = 'insufficient_privilege';
    end if;
    return chatschema.revoke_sessions(change_password.user_id, 'password_change', keep);
end
$$;
comment on function chatschema.change_password(uuid, text, uuid) is
    'Sets the hash of the password and ends all logins of the user, or all but that of the session `keep`; returns how many.';

create function chatschema.session_hash(session_id uuid) returns text
    language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
    return (select s.refresh_token_hash from public.auth_sessions as s where s.id = session_hash.session_id);
end
$$;
comment on function chatschema.session_hash(uuid) is
    'The hash of a refresh token, also of one that was rotated or revoked; null for an unknown session. Compare the secret with it before rotate_session().';

-- Only the groups that need a function may call it; the lines `Access` above name them.
revoke execute on function
    chatschema.refuse_other_user(uuid), chatschema.require_bcrypt(text), chatschema.require_password_hash(text),
    chatschema.find_login(text), chatschema.register_user(text, text, text, text, text), chatschema.change_password(uuid, text, uuid),
    chatschema.session_hash(uuid)
    from public;
