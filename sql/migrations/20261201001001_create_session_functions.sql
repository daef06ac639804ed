-- functions: sessions are started, rotated and revoked, with one live refresh token per login.
-- Why: a token that is used twice reveals theft; whichever requests race, exactly one may win and a revoked login must not come back.
-- Risk: new functions only; takes no lock on existing data.
-- Access: app: execute chatschema.start_session(uuid, text, jsonb, interval)
-- Access: app: execute chatschema.rotate_session(uuid, text, text, text)
-- Access: app, worker: execute chatschema.revoke_session(uuid, text)
-- Access: app, worker: execute chatschema.revoke_sessions(uuid, text, uuid)
-- Access: app: execute chatschema.sessions_of(uuid)
-- An address that cannot be read must not refuse a sign-in.
create function chatschema.to_inet(address text) returns inet
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    return address::inet;
exception when invalid_text_representation then
    return null;
end
$$;
comment on function chatschema.to_inet(text) is 'An address as inet; null if it is none.';

create function chatschema.session_grace() returns interval
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
            using errcode = 'invalid_parameter_value', hint = 'For example: alter database chat set chatschema.session_grace = ''10s''.';
    end if;
    return grace;
end
$$;
comment on function chatschema.session_grace() is
    'How long after its rotation a refresh token may be shown again by a parallel request: the setting chatschema.session_grace, 10 seconds by default.';

-- Each function locks the row of the user before it reads sessions. So the changes to the sessions of one user happen one after
-- the other, and a token that is being issued cannot escape a revocation that runs at the same time.
create function chatschema.end_sessions(of_user uuid, reason text, family uuid default null, spared uuid default null) returns integer
    language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    ended integer;
begin
    if reason is null or reason not in ('logout', 'admin', 'password_change', 'reuse_detected', 'expired', 'erasure') then
        raise exception 'the reason of a revocation is one of: logout, admin, password_change, reuse_detected, expired, erasure'
            using errcode = 'invalid_parameter_value';
    end if;
    update public.auth_sessions as s set revoked_at = clock_timestamp(), revoked_reason = end_sessions.reason
    where s.user_id = of_user and s.rotated_at is null and s.revoked_at is null
        and (family is null or s.family_id = family) and (spared is null or s.family_id <> spared);
    get diagnostics ended = row_count;
    return ended;
end
$$;
comment on function chatschema.end_sessions(uuid, text, uuid, uuid) is
    'Revokes the live tokens of a user: of all logins, of one family, or of all but one. The caller holds the lock on the user.';

create function chatschema.start_session(
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
            using errcode = 'invalid_parameter_value', hint = 'The fields are device_id, device_name, device_type, ip_address and user_agent.';
    end if;
    if expires_in is null or not isfinite(now() + expires_in) or expires_in <= interval '0' then
        raise exception 'a session lasts for a time greater than 0' using errcode = 'invalid_parameter_value';
    end if;
    -- An update rather than a lock: a suspension with an older snapshot, which could not see this session, then fails with 40001.
    update public.users as u set last_seen_at = now() where u.id = start_session.user_id and u.account_state = 'active';
    if not found then
        raise exception 'the user is not active'
            using errcode = 'insufficient_privilege', hint = 'Look at account_state of chatschema.find_login().';
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
comment on function chatschema.start_session(uuid, text, jsonb, interval) is
    'Starts a login and returns the session id, the first half of the refresh token. Raises 42501 if the user is not active.';

create function chatschema.rotate_session(session_id uuid, new_hash text, ip_address text default null, user_agent text default null)
    returns table (outcome text, live_id uuid, live_until timestamptz)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    shown record;
    live record;
    is_active boolean;
    address constant inet := chatschema.to_inet(rotate_session.ip_address);
begin
    perform chatschema.require_bcrypt(new_hash);
    select s.user_id, s.family_id into shown from public.auth_sessions as s where s.id = rotate_session.session_id;
    -- An unknown session, one that was removed after its end, and one of another user: the client signs in again.
    if not found or chatschema.context_user() <> shown.user_id then
        return query select 'revoked', null::uuid, null::timestamptz;
        return;
    end if;
    select u.account_state = 'active' into is_active from public.users as u where u.id = shown.user_id for no key update;
    select s.* into shown from public.auth_sessions as s where s.id = rotate_session.session_id for no key update;
    select s.id, s.expires_at into live from public.auth_sessions as s
    where s.family_id = shown.family_id and s.rotated_at is null and s.revoked_at is null;
    if not found or shown.revoked_at is not null or not coalesce(is_active, false) then
        return query select 'revoked', null::uuid, null::timestamptz;
    elsif shown.rotated_at is not null and clock_timestamp() - shown.rotated_at > chatschema.session_grace() then
        perform chatschema.end_sessions(shown.user_id, 'reuse_detected', shown.family_id);
        insert into public.audit_logs (
            user_id, action, resource_type, resource_id, severity, session_id, ip_address, user_agent, details
        ) values (
            shown.user_id, 'session.reuse', 'auth_session', shown.id::text, 'critical', shown.id, address, rotate_session.user_agent,
            jsonb_build_object('family_id', shown.family_id, 'rotated_at', shown.rotated_at, 'revoked_session_id', live.id)
        );
        return query select 'reused', null::uuid, null::timestamptz;
    elsif live.expires_at <= now() then
        return query select 'expired', null::uuid, null::timestamptz;
    elsif shown.rotated_at is not null then
        return query select 'grace', live.id, live.expires_at;
    else
        update public.auth_sessions as s set rotated_at = clock_timestamp(), last_used_at = clock_timestamp() where s.id = shown.id;
        return query
            insert into public.auth_sessions (
                user_id, family_id, parent_id, refresh_token_hash, device_id, device_name, device_type, ip_address, user_agent,
                last_used_at, expires_at
            ) values (
                shown.user_id, shown.family_id, shown.id, new_hash, shown.device_id, shown.device_name, shown.device_type,
                coalesce(address, shown.ip_address), coalesce(left(rotate_session.user_agent, 2048), shown.user_agent),
                clock_timestamp(), now() + (shown.expires_at - shown.created_at)
            )
            returning 'rotated', auth_sessions.id, auth_sessions.expires_at;
    end if;
end
$$;
comment on function chatschema.rotate_session(uuid, text, text, text) is
    'Replaces a refresh token whose secret was proven: rotated (live_id is the new session), grace (a parallel request has rotated it), reused (the login is revoked and audited), expired or revoked. Commit also when the answer is reused.';

create function chatschema.revoke_session(session_id uuid, reason text) returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    shown record;
begin
    select s.user_id, s.family_id into shown from public.auth_sessions as s where s.id = revoke_session.session_id;
    if not found or chatschema.context_user() <> shown.user_id then
        return false;
    end if;
    perform from public.users as u where u.id = shown.user_id for no key update;
    return chatschema.end_sessions(shown.user_id, revoke_session.reason, shown.family_id) > 0;
end
$$;
comment on function chatschema.revoke_session(uuid, text) is
    'Ends the login that a session belongs to, by any session of it; false if it had ended, does not exist or belongs to another user.';

create function chatschema.revoke_sessions(user_id uuid, reason text, keep uuid default null) returns integer
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform chatschema.refuse_other_user(revoke_sessions.user_id);
    perform from public.users as u where u.id = revoke_sessions.user_id for no key update;
    return chatschema.end_sessions(
        revoke_sessions.user_id, revoke_sessions.reason,
        spared => (select s.family_id from public.auth_sessions as s where s.id = keep and s.user_id = revoke_sessions.user_id)
    );
end
$$;
comment on function chatschema.revoke_sessions(uuid, text, uuid) is
    'Ends all logins of a user, or all but that of the session `keep`; returns how many.';

-- Runs with the rights of the caller: policies and grants apply to the list as to the table.
create function chatschema.sessions_of(user_id uuid) returns table (
    session_id uuid, family_id uuid, device_id uuid, device_name text, device_type text, ip_address inet, user_agent text,
    signed_in_at timestamptz, last_used_at timestamptz, expires_at timestamptz
)
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select s.id, s.family_id, s.device_id, s.device_name, s.device_type, s.ip_address, s.user_agent,
            coalesce(chatschema.uuid7_time(s.family_id), s.created_at), coalesce(s.last_used_at, s.created_at), s.expires_at
        from public.auth_sessions as s
        where s.user_id = sessions_of.user_id and s.rotated_at is null and s.revoked_at is null and s.expires_at > now()
        order by 9 desc;
end
$$;
comment on function chatschema.sessions_of(uuid) is 'The logins of a user that have not ended, the one used last first: a list of devices.';

revoke execute on function
    chatschema.to_inet(text), chatschema.session_grace(), chatschema.end_sessions(uuid, text, uuid, uuid),
    chatschema.start_session(uuid, text, jsonb, interval), chatschema.rotate_session(uuid, text, text, text),
    chatschema.revoke_session(uuid, text), chatschema.revoke_sessions(uuid, text, uuid), chatschema.sessions_of(uuid)
    from public;
