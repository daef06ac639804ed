-- functions: errors about users and sessions have a name as constraint: that of the rule.
-- Why: an application tells errors apart by SQLSTATE and constraint; a message is text for people.
-- Risk: functions only, whose rules do not change; no lock on data.
create or replace function chatschema.context_user() returns uuid
    language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
    given constant text := nullif(current_setting('app.user_id', true), '');
begin
    if given is not null and given !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
        raise exception 'app.user_id is not the id of a user'
            using errcode = 'invalid_parameter_value', constraint = 'context_user_format', schema = 'public', table = 'users',
            hint = 'Set it in each transaction: select set_config(''app.user_id'', $1, true).';
    end if;
    return given::uuid;
end
$$;

create or replace function chatschema.acting_user() returns uuid
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    acting constant uuid := chatschema.actor();
begin
    if acting is not null then
        return acting;
    end if;
    if chatschema.context_user() is null then
        -- The caller of this function is SECURITY DEFINER, so only session_user tells who logged in.
        if pg_has_role(session_user, (select c.relowner from pg_catalog.pg_class as c where c.oid = 'public.users'::regclass), 'member') then
            return null;
        end if;
        raise exception 'app.user_id is not set'
            using errcode = 'insufficient_privilege', constraint = 'acting_user_missing', schema = 'public', table = 'users',
            hint = 'Set it in each transaction: select set_config(''app.user_id'', $1, true).';
    end if;
    raise exception 'the user of app.user_id is not active'
        using errcode = 'insufficient_privilege', constraint = 'acting_user_inactive', schema = 'public', table = 'users';
end
$$;

create or replace function chatschema.refuse_other_user(wanted uuid) returns void
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.context_user() <> wanted then
        raise exception 'app.user_id is another user'
            using errcode = 'insufficient_privilege', constraint = 'acting_user_differs', schema = 'public', table = 'users',
            hint = 'Call the function for the user of the transaction.';
    end if;
end
$$;

create or replace function chatschema.lock_own_user(wanted uuid) returns void
    language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.acting_user() <> wanted then
        raise exception 'app.user_id is another user'
            using errcode = 'insufficient_privilege', constraint = 'acting_user_differs', schema = 'public', table = 'users',
            hint = 'Call the function for the user of the transaction.';
    end if;
    perform from public.users as u where u.id = wanted and u.account_state = 'active' for no key update;
    if not found then
        raise exception 'the user is not active'
            using errcode = 'insufficient_privilege', constraint = 'user_inactive', schema = 'public', table = 'users';
    end if;
end
$$;

create or replace function chatschema.require_bcrypt(hash text) returns void
    language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
    if hash is null or hash !~ '^\$2[aby]\$12\$[./A-Za-z0-9]{53}$' then
        raise exception 'the hash of the refresh token is not bcrypt of cost 12'
            using errcode = 'invalid_parameter_value', constraint = 'refresh_token_hash_format', schema = 'public', table = 'auth_sessions',
            hint = 'Hash the secret of the token, without the session id: bcrypt reads 72 bytes.';
    end if;
end
$$;

create or replace function chatschema.require_password_hash(hash text) returns void
    language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
    if hash !~ '^\$[a-z0-9-]+\$' then
        raise exception 'the password is not hashed'
            using errcode = 'invalid_parameter_value', constraint = 'password_hash_format', schema = 'public', table = 'users',
            hint = 'Give the result of bcrypt or argon2, or null for a user who signs in elsewhere.';
    end if;
end
$$;

create or replace function chatschema.change_password(user_id uuid, password_hash text, keep uuid default null) returns integer
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform chatschema.refuse_other_user(change_password.user_id);
    perform chatschema.require_password_hash(change_password.password_hash);
    update public.users as u set password_hash = change_password.password_hash
    where u.id = change_password.user_id and u.account_state = 'active';
    if not found then
        raise exception 'the user is not active'
            using errcode = 'insufficient_privilege', constraint = 'user_inactive', schema = 'public', table = 'users';
    end if;
    return chatschema.revoke_sessions(change_password.user_id, 'password_change', keep);
end
$$;

create or replace function chatschema.session_grace() returns interval
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    given constant text := coalesce(nullif(current_setting('chatschema.session_grace', true), ''), '10 seconds');
    grace interval;
begin
    begin
        grace := given::interval;
    exception when invalid_datetime_format or datetime_field_overflow then
        null;
    end;
    if grace is null or grace not between interval '0' and interval '5 minutes' then
        raise exception 'the setting chatschema.session_grace is not a time from 0 to 5 minutes'
            using errcode = 'invalid_parameter_value', constraint = 'session_grace_setting', schema = 'public', table = 'auth_sessions',
            hint = 'For example: alter database chat set chatschema.session_grace = ''10s''.';
    end if;
    return grace;
end
$$;

create or replace function chatschema.end_sessions(of_user uuid, reason text, family uuid default null, spared uuid default null) returns integer
    language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    ended integer;
begin
    if reason is null or reason not in ('logout', 'admin', 'password_change', 'reuse_detected', 'expired', 'erasure') then
        raise exception 'the reason of a revocation is one of: logout, admin, password_change, reuse_detected, expired, erasure'
            using errcode = 'invalid_parameter_value', constraint = 'end_sessions_reason', schema = 'public', table = 'auth_sessions';
    end if;
    update public.auth_sessions as s set revoked_at = clock_timestamp(), revoked_reason = end_sessions.reason
    where s.user_id = of_user and s.rotated_at is null and s.revoked_at is null
        and (family is null or s.family_id = family) and (spared is null or s.family_id <> spared);
    get diagnostics ended = row_count;
    return ended;
end
$$;

create or replace function chatschema.start_session(
    user_id uuid, refresh_token_hash text, device jsonb default '{}', expires_in interval default '30 days'
) returns uuid
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    unknown text;
    started uuid;
begin
    perform chatschema.refuse_other_user(start_session.user_id);
    perform chatschema.require_bcrypt(start_session.refresh_token_hash);
    device := coalesce(device, '{}');
    select k into unknown from jsonb_object_keys(device) as k
    where k not in ('device_id', 'device_name', 'device_type', 'ip_address', 'user_agent') limit 1;
    if found then
        raise exception 'a device has no field %', quote_ident(unknown)
            using errcode = 'invalid_parameter_value', constraint = 'start_session_device', schema = 'public', table = 'auth_sessions',
            hint = 'The fields are device_id, device_name, device_type, ip_address and user_agent.';
    end if;
    if expires_in is null or not isfinite(now() + expires_in) or expires_in <= interval '0' then
        raise exception 'a session lasts for a time greater than 0'
            using errcode = 'invalid_parameter_value', constraint = 'start_session_expires_in', schema = 'public', table = 'auth_sessions';
    end if;
    -- An update rather than a lock: a suspension with an older snapshot, which could not see this session, then fails with 40001.
    update public.users as u set last_seen_at = now() where u.id = start_session.user_id and u.account_state = 'active';
    if not found then
        raise exception 'the user is not active'
            using errcode = 'insufficient_privilege', constraint = 'user_inactive', schema = 'public', table = 'users',
            hint = 'Look at account_state of chatschema.find_login().';
    end if;
    insert into public.auth_sessions (
        user_id, refresh_token_hash, device_id, device_name, device_type, ip_address, user_agent, expires_at
    ) values (
        start_session.user_id, start_session.refresh_token_hash, (device ->> 'device_id')::uuid, device ->> 'device_name',
        device ->> 'device_type', chatschema.to_inet(device ->> 'ip_address'), left(device ->> 'user_agent', 2048), now() + expires_in
    )
    returning auth_sessions.id into started;
    return started;
end
$$;
