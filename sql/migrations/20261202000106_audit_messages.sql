-- messages: the trail has the messages that are edited, marked as deleted, and deleted; never what is sent.
-- Why: whoever reads a message must be able to tell that it is not what was sent. By statement: a row trigger costs twice as much for many rows.
-- Risk: new triggers on messages, which wait for its writers for the moment of the commit; the months are not locked.
create function chatschema.audit_edited_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    -- The plan is kept from the first statement, which has one row; a nested loop would compare 3,000 rows with 3,000.
    set enable_nestloop = off
as $$
declare
    acting constant uuid := chatschema.audit_user();
    session constant uuid := chatschema.context_session();
    address constant inet := chatschema.context_address();
    agent constant text := nullif(left(current_setting('app.user_agent', true), 2048), '');
    request constant text := nullif(left(current_setting('app.request_id', true), 200), '');
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    insert into public.audit_logs (user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id)
    select acting,
        'message.' || case
            when n.is_deleted and not o.is_deleted then 'delete'
            when o.is_deleted and not n.is_deleted then 'restore'
            when n.is_deleted then 'redact'
            else 'edit'
        end,
        'message', n.id::text, case when n.is_deleted <> o.is_deleted then 'warning' else 'info' end,
        jsonb_strip_nulls(jsonb_build_object(
            'conversation_id', n.conversation_id, 'sender_id', n.sender_id, 'deleted_by', n.deleted_by,
            'content', chatschema.change_of_secret(o.content_encrypted, n.content_encrypted),
            'edit_count', chatschema.change_of(o.edit_count, n.edit_count),
            'edit_history', chatschema.change_of_secret(o.edit_history, n.edit_history),
            'expires_at', chatschema.change_of(o.expires_at, n.expires_at), 'sender', chatschema.change_of(o.sender_id, n.sender_id)
        )),
        address, agent, session, request
    from before as o
    join after as n on n.id = o.id
    where (
        o.is_deleted, o.edit_count, o.content_encrypted, o.content_nonce, o.content_algorithm, o.key_version, o.sender_key_id,
        o.edit_history, o.sender_id, o.deleted_by, o.expires_at, o.message_type
    ) is distinct from (
        n.is_deleted, n.edit_count, n.content_encrypted, n.content_nonce, n.content_algorithm, n.key_version, n.sender_key_id,
        n.edit_history, n.sender_id, n.deleted_by, n.expires_at, n.message_type
    );
    return null;
end
$$;
comment on function chatschema.audit_edited_messages() is
    'Trigger: adds a row to the trail for each message that a statement edited or marked as deleted; of its content only that it changed.';

create function chatschema.audit_deleted_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    acting constant uuid := chatschema.audit_user();
    session constant uuid := chatschema.context_session();
    address constant inet := chatschema.context_address();
    agent constant text := nullif(left(current_setting('app.user_agent', true), 2048), '');
    request constant text := nullif(left(current_setting('app.request_id', true), 200), '');
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    insert into public.audit_logs (user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id)
    select acting, 'message.remove', 'message', o.id::text, 'warning',
        jsonb_strip_nulls(jsonb_build_object(
            'conversation_id', o.conversation_id, 'sender_id', o.sender_id, 'was_deleted', case when o.is_deleted then true end
        )),
        address, agent, session, request
    from before as o;
    return null;
end
$$;
comment on function chatschema.audit_deleted_messages() is 'Trigger: adds a row to the trail for each message whose row was deleted.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_edited_messages(), chatschema.audit_deleted_messages() from public;

create trigger messages_audit_update after update on public.messages referencing old table as before new table as after
    for each statement execute function chatschema.audit_edited_messages();
create trigger messages_audit_delete after delete on public.messages referencing old table as before
    for each statement execute function chatschema.audit_deleted_messages();
create trigger messages_audit_truncate after truncate on public.messages
    for each statement execute function chatschema.audit_truncate();
comment on trigger messages_audit_update on public.messages is 'Logs messages that were edited or marked as deleted.';
comment on trigger messages_audit_delete on public.messages is 'Logs messages whose rows were deleted.';
comment on trigger messages_audit_truncate on public.messages is 'Logs a TRUNCATE.';
