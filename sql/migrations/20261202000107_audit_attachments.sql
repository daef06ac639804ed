-- attachments: the trail has the files that are removed, quarantined or taken off their message.
-- Why: a file that is gone cannot be explained by the messages. Uploading and sending are not logged, as for messages.
-- Risk: new triggers on attachments, which wait for their writers for the moment of the commit.
create function chatschema.audit_attachments() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    file record;
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    file := case when tg_op = 'DELETE' then old else new end;
    perform chatschema.log_change(
        chatschema.audit_user(),
        'attachment.' || case
            when tg_op = 'DELETE' then 'remove'
            when new.purged_at is not null and old.purged_at is null then 'purge'
            when new.state <> old.state then case new.state when 'deleted' then 'delete' when 'quarantined' then 'quarantine' else 'release' end
            else 'unlink'
        end,
        'attachment', file.id::text,
        jsonb_build_object(
            'conversation_id', file.conversation_id, 'uploader_id', file.uploader_id,
            'message_id', coalesce(old.message_id, file.message_id), 'state', chatschema.change_of(old.state, file.state)
        ),
        case when tg_op = 'DELETE' then 'warning' else 'info' end
    );
    return null;
end
$$;
comment on function chatschema.audit_attachments() is
    'Trigger: adds a row to the trail for a file that was removed, quarantined, released or taken off its message.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_attachments() from public;

create trigger attachments_audit_update after update of state, purged_at, message_id on public.attachments
    for each row
    when (
        new.state <> old.state and (new.state in ('deleted', 'quarantined') or old.state in ('deleted', 'quarantined'))
        or old.purged_at is null and new.purged_at is not null
        -- A message that is deleted leaves its file behind by a trigger; that message is logged.
        or old.message_id is not null and new.message_id is distinct from old.message_id and pg_trigger_depth() = 0
    )
    execute function chatschema.audit_attachments();
create trigger attachments_audit_delete after delete on public.attachments
    for each row execute function chatschema.audit_attachments();
create trigger attachments_audit_truncate after truncate on public.attachments
    for each statement execute function chatschema.audit_truncate();
comment on trigger attachments_audit_update on public.attachments is 'Logs a file that is removed, quarantined, released or taken off its message.';
comment on trigger attachments_audit_delete on public.attachments is 'Logs a deleted row.';
comment on trigger attachments_audit_truncate on public.attachments is 'Logs a TRUNCATE.';
