create or replace function chatschema.rotate_session(session_id uuid, new_hash text, ip_address text default null, user_agent text default null)
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

drop trigger auth_sessions_audit_truncate on public.auth_sessions;
drop trigger auth_sessions_audit_delete on public.auth_sessions;
drop trigger auth_sessions_audit_update on public.auth_sessions;
drop trigger auth_sessions_audit_insert on public.auth_sessions;
drop function chatschema.audit_sessions();
