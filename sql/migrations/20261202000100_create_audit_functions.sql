-- functions: what the triggers of the audit trail share: who acted, in which session, from where, and one row for it.
-- Why: a change is logged by the database, so that no forgotten call of the application leaves a gap in the trail.
-- Risk: new functions only; takes no lock on existing data.
create function chatschema.is_audit_batch() returns boolean
    language sql stable
as $$
    -- The triggers run as the owner: current_user is the owner of the tables, session_user whoever logged in. So the setting alone
    -- is not enough: a login of the application is no member of the owner.
    select coalesce(current_setting('chatschema.audit_batch', true) = 'on' and pg_has_role(session_user, current_user, 'member'), false)
$$;
comment on function chatschema.is_audit_batch() is
    'Whether a command of the owner writes one row of the trail for the whole batch: the triggers write none. For SECURITY DEFINER triggers.';

-- One regular expression for all of it costs ten times as much as these three conditions.
create function chatschema.is_uuid(given text) returns boolean
    language sql immutable
as $$
    select given like '________-____-____-____-____________' and length(replace(given, '-', '')) = 32 and given !~ '[^-0-9a-fA-F]'
$$;
comment on function chatschema.is_uuid(text) is 'Whether a text is a UUID as PostgreSQL writes it; null for null.';

create function chatschema.audit_user() returns uuid
    language plpgsql stable
as $$
begin
    if chatschema.is_uuid(current_setting('app.user_id', true)) then
        return current_setting('app.user_id', true)::uuid;
    end if;
    return chatschema.context_user();
end
$$;
comment on function chatschema.audit_user() is 'The user of app.user_id, as chatschema.context_user() returns it or refuses garbage, at less cost.';

create function chatschema.audit_actor(subject uuid) returns uuid
    language plpgsql stable
as $$
begin
    return coalesce(chatschema.audit_user(), case when not pg_has_role(session_user, current_user, 'member') then subject end);
end
$$;
comment on function chatschema.audit_actor(uuid) is
    'The user of app.user_id. Without it, and for a login that is not the owner''s, the subject: such a login gets here only by functions with which users act for themselves.';

-- Garbage is null: a request must not fail because of what its client sent as a header.
create function chatschema.context_session() returns uuid
    language plpgsql stable
as $$
begin
    return case when chatschema.is_uuid(current_setting('app.session_id', true)) then current_setting('app.session_id', true)::uuid end;
end
$$;
comment on function chatschema.context_session() is 'The session of app.session_id; null if it is not set, or is no id.';

create function chatschema.context_address() returns inet
    language plpgsql stable
as $$
begin
    if length(current_setting('app.ip', true)) <= 50 and current_setting('app.ip', true) ~ '^[0-9a-fA-F:./]+$' then
        return chatschema.to_inet(current_setting('app.ip', true));
    end if;
    return null;
end
$$;
comment on function chatschema.context_address() is 'The address of app.ip; null if it is not set, or cannot be read.';

create function chatschema.change_of(before anyelement, after anyelement) returns jsonb
    language sql stable
as $$
    select case when before is distinct from after then jsonb_build_object('old', before, 'new', after) end
$$;
comment on function chatschema.change_of(anyelement, anyelement) is 'A change for the details of the trail; null if both values are the same.';

create function chatschema.change_of_secret(before anyelement, after anyelement) returns text
    language sql immutable
as $$
    select case when before is distinct from after then 'changed' end
$$;
comment on function chatschema.change_of_secret(anyelement, anyelement) is
    'That a secret, ciphertext or a text of users was changed, without its value; null if it was not.';

create function chatschema.log_change(
    actor uuid, action text, resource_type text, resource_id text, details jsonb, severity text default 'info',
    session_id uuid default null, ip_address inet default null, user_agent text default null
) returns void
    language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.audit_logs (user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id)
    values (
        log_change.actor, log_change.action, log_change.resource_type, log_change.resource_id, log_change.severity,
        jsonb_strip_nulls(log_change.details), coalesce(chatschema.context_address(), log_change.ip_address),
        coalesce(nullif(left(current_setting('app.user_agent', true), 2048), ''), log_change.user_agent),
        coalesce(chatschema.context_session(), log_change.session_id), nullif(left(current_setting('app.request_id', true), 200), '')
    );
end
$$;
comment on function chatschema.log_change(uuid, text, text, text, jsonb, text, uuid, inet, text) is
    'Adds a row to the trail, with the context of the transaction (app.session_id, app.request_id, app.ip, app.user_agent); its last arguments are for where that is not set.';

create function chatschema.audit_truncate() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not chatschema.is_audit_batch() then
        perform chatschema.log_change(
            chatschema.audit_user(), 'table.truncate', 'table', tg_table_schema || '.' || tg_table_name, '{}', 'critical'
        );
    end if;
    return null;
end
$$;
comment on function chatschema.audit_truncate() is 'Trigger: the trail has a row of a TRUNCATE, which fires no trigger of rows.';

-- With EXECUTE, anyone could write rows of the trail as the owner.
revoke execute on function
    chatschema.is_audit_batch(), chatschema.is_uuid(text), chatschema.audit_user(), chatschema.audit_actor(uuid), chatschema.context_session(), chatschema.context_address(),
    chatschema.change_of(anyelement, anyelement), chatschema.change_of_secret(anyelement, anyelement),
    chatschema.log_change(uuid, text, text, text, jsonb, text, uuid, inet, text), chatschema.audit_truncate()
    from public;
