-- trail: rows of audit_logs, which only the coordinator has; those of shards wait in chatschema.outbox for chatschema cluster relay.
-- Why: a trigger on a shard cannot write to a table of the coordinator.

-- New: whether this node is the coordinator. A trigger of a reference table runs on every node, and acts on one.
create or replace function chatschema.is_coordinator() returns boolean
    language plpgsql stable
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    return (select g.groupid = 0 from pg_catalog.pg_dist_local_group as g);
end
$$;

-- New: a row for a table of the coordinator, kept beside its conversation.
create or replace function chatschema.put_out(conversation uuid, target text, entry jsonb) returns void
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    insert into chatschema.outbox (conversation_id, id, target, entry, recorded_at, recorded_by)
    values (put_out.conversation, chatschema.uuid7(), put_out.target, put_out.entry, clock_timestamp(), session_user);
end
$$;

create or replace function chatschema.log_change(
    actor uuid, action text, resource_type text, resource_id text, details jsonb, severity text default 'info'::text,
    session_id uuid default null::uuid, ip_address inet default null::inet, user_agent text default null::text
) returns void
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    conversation constant uuid := case
        when log_change.resource_type = 'conversation' then log_change.resource_id::uuid
        when log_change.resource_type in ('message', 'attachment') then (log_change.details ->> 'conversation_id')::uuid
    end;
begin
    if conversation is not null then
        perform chatschema.put_out(conversation, 'audit_logs', jsonb_strip_nulls(jsonb_build_object(
            'user_id', log_change.actor, 'action', log_change.action, 'resource_type', log_change.resource_type,
            'resource_id', log_change.resource_id, 'severity', log_change.severity, 'details', jsonb_strip_nulls(log_change.details),
            'ip_address', coalesce(chatschema.context_address(), log_change.ip_address),
            'user_agent', coalesce(nullif(left(current_setting('app.user_agent', true), 2048), ''), log_change.user_agent),
            'session_id', coalesce(chatschema.context_session(), log_change.session_id),
            'request_id', nullif(left(current_setting('app.request_id', true), 200), '')
        )));
    elsif chatschema.is_coordinator() then
        insert into public.audit_logs (user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id)
        values (
            log_change.actor, log_change.action, log_change.resource_type, log_change.resource_id, log_change.severity,
            jsonb_strip_nulls(log_change.details), coalesce(chatschema.context_address(), log_change.ip_address),
            coalesce(nullif(left(current_setting('app.user_agent', true), 2048), ''), log_change.user_agent),
            coalesce(chatschema.context_session(), log_change.session_id), nullif(left(current_setting('app.request_id', true), 200), '')
        );
    end if;
end
$$;

create or replace function chatschema.audit_deleted_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    acting constant uuid := chatschema.audit_user();
    gone record;
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    for gone in select o.id, o.conversation_id, o.sender_id, o.is_deleted from before as o loop
        perform chatschema.log_change(
            acting, 'message.remove', 'message', gone.id::text,
            jsonb_build_object(
                'conversation_id', gone.conversation_id, 'sender_id', gone.sender_id, 'was_deleted', case when gone.is_deleted then true end
            ),
            'warning'
        );
    end loop;
    return null;
end
$$;

create or replace function chatschema.audit_edited_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    acting constant uuid := chatschema.audit_user();
    edited record;
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    for edited in
        select
            'message.' || case
                when n.is_deleted and not o.is_deleted then 'delete'
                when o.is_deleted and not n.is_deleted then 'restore'
                when n.is_deleted then 'redact'
                else 'edit'
            end as action,
            n.id, case when n.is_deleted <> o.is_deleted then 'warning' else 'info' end as severity,
            jsonb_build_object(
                'conversation_id', n.conversation_id, 'sender_id', n.sender_id, 'deleted_by', n.deleted_by,
                'content', chatschema.change_of_secret(o.content_encrypted, n.content_encrypted),
                'edit_count', chatschema.change_of(o.edit_count, n.edit_count),
                'edit_history', chatschema.change_of_secret(o.edit_history, n.edit_history),
                'expires_at', chatschema.change_of(o.expires_at, n.expires_at), 'sender', chatschema.change_of(o.sender_id, n.sender_id)
            ) as details
        from before as o
        join after as n on n.id = o.id
        where (
            o.is_deleted, o.edit_count, o.content_encrypted, o.content_nonce, o.content_algorithm, o.key_version, o.sender_key_id,
            o.edit_history, o.sender_id, o.deleted_by, o.expires_at, o.message_type
        ) is distinct from (
            n.is_deleted, n.edit_count, n.content_encrypted, n.content_nonce, n.content_algorithm, n.key_version, n.sender_key_id,
            n.edit_history, n.sender_id, n.deleted_by, n.expires_at, n.message_type
        )
    loop
        perform chatschema.log_change(acting, edited.action, 'message', edited.id::text, edited.details, edited.severity);
    end loop;
    return null;
end
$$;
