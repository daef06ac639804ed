-- events: sessions and keys that end, keys that are published, and holds, whoever changes them.
-- Why: an application that keeps sessions or public keys in memory must not go on with one that was revoked.
-- Risk: new triggers on auth_sessions, user_public_keys and holds, which wait for their writers for the moment of the commit.
create function chatschema.is_event_batch() returns boolean
    language sql stable
as $$
    -- As chatschema.is_audit_batch(). What a trigger changes in turn, the command does not record: replies to a purged message.
    select coalesce(
        current_setting('chatschema.event_batch', true) = 'on' and pg_trigger_depth() = 1 and pg_has_role(session_user, current_user, 'member'), false
    )
$$;
comment on function chatschema.is_event_batch() is
    'Whether a command of the owner writes events of its own for what it changes: the triggers write none. For SECURITY DEFINER triggers.';
revoke execute on function chatschema.is_event_batch() from public;

create function chatschema.tell_of_events() returns void
    language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('chatschema_events', '') from chatschema.event_state as s where s.notifies;
end
$$;
comment on function chatschema.tell_of_events() is
    'A NOTIFY on the channel chatschema_events, where that is switched on: a hint that there are events, which may be lost.';

create function chatschema.record_session_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into chatschema.events (kind, table_name, row_id, user_id) values ('session.revoked', 'auth_sessions', old.id, old.user_id);
    perform chatschema.tell_of_events();
    return null;
end
$$;
comment on function chatschema.record_session_event() is 'Trigger: writes an event about a session that was revoked, or deleted before its end.';

create function chatschema.record_published_keys() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into chatschema.events (kind, table_name, row_id, user_id, first_id, last_id, row_count)
    select 'key.published', 'user_public_keys', case count(*) when 1 then min(k.id::text)::uuid end, k.user_id,
        case when count(*) > 1 then min(k.id::text)::uuid end, case when count(*) > 1 then max(k.id::text)::uuid end,
        case when count(*) > 1 then count(*) end
    from added as k
    group by k.user_id
    order by 4;
    if found then
        perform chatschema.tell_of_events();
    end if;
    return null;
end
$$;
comment on function chatschema.record_published_keys() is 'Trigger: writes an event a user whose public keys a statement added.';

create function chatschema.record_key_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not chatschema.is_event_batch() then
        insert into chatschema.events (kind, table_name, row_id, user_id)
        values ('key.' || case tg_op when 'DELETE' then 'removed' else new.status end, 'user_public_keys', old.id, old.user_id);
        perform chatschema.tell_of_events();
    end if;
    return null;
end
$$;
comment on function chatschema.record_key_event() is 'Trigger: writes an event about a public key that was revoked, superseded, activated again or deleted.';

create function chatschema.record_hold_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into chatschema.events (kind, table_name, row_number, conversation_id, user_id)
    values ('hold.' || case tg_op when 'INSERT' then 'placed' else 'released' end, 'holds', new.id, new.conversation_id, new.user_id);
    perform chatschema.tell_of_events();
    return null;
end
$$;
comment on function chatschema.record_hold_event() is 'Trigger: writes an event about a hold that was placed or released.';
-- With EXECUTE, anyone could attach these SECURITY DEFINER functions to their own table and write as the owner.
revoke execute on function
    chatschema.tell_of_events(), chatschema.record_session_event(), chatschema.record_published_keys(), chatschema.record_key_event(),
    chatschema.record_hold_event()
    from public;

create trigger auth_sessions_record_revocation after update of revoked_at on public.auth_sessions
    for each row when (old.revoked_at is null and new.revoked_at is not null)
    execute function chatschema.record_session_event();
create trigger auth_sessions_record_removal after delete on public.auth_sessions
    for each row when (old.revoked_at is null and old.rotated_at is null and old.expires_at > now())
    execute function chatschema.record_session_event();
create trigger user_public_keys_record_published after insert on public.user_public_keys referencing new table as added
    for each statement execute function chatschema.record_published_keys();
create trigger user_public_keys_record_status after update of status on public.user_public_keys
    for each row when (new.status <> old.status and new.status <> 'used')
    execute function chatschema.record_key_event();
create trigger user_public_keys_record_removal after delete on public.user_public_keys
    for each row when (old.status = 'active')
    execute function chatschema.record_key_event();
create trigger holds_record_placed after insert on chatschema.holds
    for each row execute function chatschema.record_hold_event();
create trigger holds_record_released after update on chatschema.holds
    for each row when (old.released_at is null and new.released_at is not null)
    execute function chatschema.record_hold_event();
comment on trigger auth_sessions_record_revocation on public.auth_sessions is 'Writes an event about a session that was revoked.';
comment on trigger auth_sessions_record_removal on public.auth_sessions is 'Writes an event about a session that was deleted before its end.';
comment on trigger user_public_keys_record_published on public.user_public_keys is 'Writes an event a user about new keys.';
comment on trigger user_public_keys_record_status on public.user_public_keys is 'Writes an event about a key that was revoked or superseded.';
comment on trigger user_public_keys_record_removal on public.user_public_keys is 'Writes an event about an active key that was deleted.';
comment on trigger holds_record_placed on chatschema.holds is 'Writes an event about a hold that was placed.';
comment on trigger holds_record_released on chatschema.holds is 'Writes an event about a hold that was released.';
