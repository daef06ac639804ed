-- conversations: the trail has the conversations that are created, changed and deleted.
-- Why: a setting, a shorter retention or a deletion takes something from all participants.
-- Risk: new triggers on conversations, which wait for their writers for the moment of the commit.
create function chatschema.audit_conversations() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    changed jsonb;
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform chatschema.log_change(
            chatschema.audit_user(), 'conversation.create', 'conversation', new.id::text,
            jsonb_build_object('type', new.type, 'retention_days', new.retention_days)
        );
        return null;
    elsif tg_op = 'DELETE' then
        perform chatschema.log_change(
            chatschema.audit_user(), 'conversation.remove', 'conversation', old.id::text, jsonb_build_object('type', old.type), 'warning'
        );
        return null;
    end if;
    if new.settings is distinct from old.settings then
        -- Each key that changed; a long value counts as a text of the users.
        select jsonb_object_agg(
            k.key,
            case
                when octet_length(coalesce((old.settings -> k.key)::text, '')) + octet_length(coalesce((new.settings -> k.key)::text, '')) > 200
                then to_jsonb('changed'::text) else chatschema.change_of(old.settings -> k.key, new.settings -> k.key)
            end
        ) into changed
        from (select jsonb_object_keys(old.settings) union select jsonb_object_keys(new.settings)) as k (key)
        where old.settings -> k.key is distinct from new.settings -> k.key;
    end if;
    perform chatschema.log_change(
        chatschema.audit_user(),
        'conversation.' || case
            when old.deleted_at is null and new.deleted_at is not null then 'delete'
            when old.deleted_at is not null and new.deleted_at is null then 'restore'
            when new.retention_days is distinct from old.retention_days then 'retention'
            when new.is_archived and not old.is_archived then 'archive'
            when old.is_archived and not new.is_archived then 'unarchive'
            else 'update'
        end,
        'conversation', new.id::text,
        jsonb_build_object(
            'deleted_at', chatschema.change_of(old.deleted_at, new.deleted_at),
            'retention_days', chatschema.change_of(old.retention_days, new.retention_days),
            'is_archived', chatschema.change_of(old.is_archived, new.is_archived), 'type', chatschema.change_of(old.type, new.type),
            'created_by', chatschema.change_of(old.created_by, new.created_by), 'settings', changed
        ),
        case when old.deleted_at is null and new.deleted_at is not null then 'warning' else 'info' end
    );
    return null;
end
$$;
comment on function chatschema.audit_conversations() is
    'Trigger: adds a row to the trail for a conversation that was created or deleted, or whose settings, retention or state changed.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_conversations() from public;

create trigger conversations_audit_insert after insert on public.conversations
    for each row execute function chatschema.audit_conversations();
create trigger conversations_audit_update after update of deleted_at, retention_days, is_archived, settings, type, created_by on public.conversations
    for each row
    when (
        old.deleted_at is distinct from new.deleted_at or old.retention_days is distinct from new.retention_days
        or old.is_archived <> new.is_archived or old.settings <> new.settings or old.type <> new.type
        or old.created_by is distinct from new.created_by
    )
    execute function chatschema.audit_conversations();
create trigger conversations_audit_delete after delete on public.conversations
    for each row execute function chatschema.audit_conversations();
create trigger conversations_audit_truncate after truncate on public.conversations
    for each statement execute function chatschema.audit_truncate();
comment on trigger conversations_audit_insert on public.conversations is 'Logs a new conversation.';
comment on trigger conversations_audit_update on public.conversations is 'Logs changed settings, retention and state; not titles and pictures, nor the version of the key, which rises when somebody leaves.';
comment on trigger conversations_audit_delete on public.conversations is 'Logs a deleted conversation.';
comment on trigger conversations_audit_truncate on public.conversations is 'Logs a TRUNCATE.';
