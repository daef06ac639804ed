-- auth_sessions: the trail has the logins that begin, are rotated, end, and whose token was used twice.
-- Why: which sessions a stolen token had, and when they ended, is the first question after a theft. rotate_session() wrote its row by hand.
-- Risk: new triggers on auth_sessions, which wait for their writers for the moment of the commit.
create function chatschema.audit_sessions() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    if tg_op = 'INSERT' then
        -- Whoever begins or goes on with a login is its user, also before app.user_id is set.
        perform chatschema.log_change(
            coalesce(chatschema.audit_user(), new.user_id), case when new.parent_id is null then 'session.start' else 'session.rotate' end,
            'auth_session', new.id::text,
            jsonb_build_object(
                'user_id', new.user_id, 'family_id', new.family_id, 'device_id', new.device_id, 'device_name', new.device_name,
                'device_type', new.device_type
            ),
            session_id => coalesce(new.parent_id, new.id), ip_address => new.ip_address, user_agent => new.user_agent
        );
    elsif tg_op = 'DELETE' then
        perform chatschema.log_change(
            chatschema.audit_user(), 'session.remove', 'auth_session', old.id::text,
            jsonb_build_object('user_id', old.user_id, 'family_id', old.family_id), 'warning'
        );
    elsif old.revoked_at is null and new.revoked_reason = 'reuse_detected' then
        perform chatschema.log_change(
            coalesce(chatschema.audit_user(), new.user_id), 'session.reuse', 'auth_session',
            coalesce(chatschema.context_session(), new.id)::text,
            jsonb_build_object('user_id', new.user_id, 'family_id', new.family_id, 'revoked_session_id', new.id), 'critical',
            session_id => new.id
        );
    elsif old.revoked_at is null and new.revoked_at is not null then
        perform chatschema.log_change(
            case when new.revoked_reason in ('logout', 'password_change')
                then coalesce(chatschema.audit_user(), new.user_id) else chatschema.audit_user()
            end,
            'session.revoke', 'auth_session', new.id::text,
            jsonb_build_object('user_id', new.user_id, 'family_id', new.family_id, 'reason', new.revoked_reason)
        );
    else
        perform chatschema.log_change(
            chatschema.audit_user(), 'session.update', 'auth_session', new.id::text,
            jsonb_build_object(
                'user_id', new.user_id, 'family_id', new.family_id, 'refresh_token', chatschema.change_of_secret(old.refresh_token_hash, new.refresh_token_hash),
                'owner', chatschema.change_of(old.user_id, new.user_id), 'expires_at', chatschema.change_of(old.expires_at, new.expires_at),
                'revoked_at', chatschema.change_of(old.revoked_at, new.revoked_at)
            ),
            'warning'
        );
    end if;
    return null;
end
$$;
comment on function chatschema.audit_sessions() is
    'Trigger: adds a row to the trail for a login that began, was rotated, was revoked or removed, or whose token was used again.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_sessions() from public;

create trigger auth_sessions_audit_insert after insert on public.auth_sessions
    for each row execute function chatschema.audit_sessions();
create trigger auth_sessions_audit_update after update of revoked_at, refresh_token_hash, user_id, expires_at on public.auth_sessions
    for each row
    when (
        (old.revoked_at is null) <> (new.revoked_at is null)
        or old.refresh_token_hash <> new.refresh_token_hash or old.user_id <> new.user_id or old.expires_at <> new.expires_at
    )
    execute function chatschema.audit_sessions();
create trigger auth_sessions_audit_delete after delete on public.auth_sessions
    for each row when (old.rotated_at is null and old.revoked_at is null) execute function chatschema.audit_sessions();
create trigger auth_sessions_audit_truncate after truncate on public.auth_sessions
    for each statement execute function chatschema.audit_truncate();
comment on trigger auth_sessions_audit_insert on public.auth_sessions is 'Logs a login, and each rotation of its token.';
comment on trigger auth_sessions_audit_update on public.auth_sessions is 'Logs a revocation, and what nobody should change: the token, its user, its end.';
comment on trigger auth_sessions_audit_delete on public.auth_sessions is 'Logs the removal of a session that had not ended.';
comment on trigger auth_sessions_audit_truncate on public.auth_sessions is 'Logs a TRUNCATE.';

create or replace function chatschema.rotate_session(session_id uuid, new_hash text, ip_address text default null, user_agent text default null)
    returns table (outcome text, live_id uuid, live_until timestamptz)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    shown record;
    live record;
    is_active boolean;
    context text[];
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
        -- The trigger that logs the revocation finds here which token was shown, and from where; then the transaction has its context again.
        context := array[
            coalesce(current_setting('app.session_id', true), ''), coalesce(current_setting('app.ip', true), ''),
            coalesce(current_setting('app.user_agent', true), '')
        ];
        perform set_config('app.session_id', shown.id::text, true),
            set_config('app.ip', coalesce(address::text, context[2]), true),
            set_config('app.user_agent', coalesce(rotate_session.user_agent, context[3]), true);
        perform chatschema.end_sessions(shown.user_id, 'reuse_detected', shown.family_id);
        perform set_config('app.session_id', context[1], true), set_config('app.ip', context[2], true),
            set_config('app.user_agent', context[3], true);
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
