-- conversation_participants: the trail has who was added, removed, promoted, and who left.
-- Why: taking part is the right to read. Reading and muting change often, and never enter the function.
-- Risk: new triggers on conversation_participants, which wait for their writers for the moment of the commit.
create function chatschema.audit_participants() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    acting constant uuid := chatschema.audit_user();
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    if tg_op = 'INSERT' then
        perform chatschema.log_change(
            acting, 'participant.add', 'conversation', new.conversation_id::text, jsonb_build_object('user_id', new.user_id, 'role', new.role)
        );
    elsif tg_op = 'DELETE' then
        perform chatschema.log_change(
            acting, 'participant.remove', 'conversation', old.conversation_id::text,
            jsonb_build_object('user_id', old.user_id, 'role', old.role, 'is_row_deleted', true), 'warning'
        );
    else
        perform chatschema.log_change(
            acting,
            'participant.' || case
                when old.left_at is null and new.left_at is not null then case when acting = new.user_id then 'leave' else 'remove' end
                when old.left_at is not null and new.left_at is null then 'add'
                when new.role <> old.role then 'role'
                else 'update'
            end,
            'conversation', new.conversation_id::text,
            jsonb_build_object(
                'user_id', new.user_id, 'role', coalesce(chatschema.change_of(old.role, new.role), to_jsonb(new.role)),
                'has_been_before', case when old.left_at is not null and new.left_at is null then true end,
                'reads_from', chatschema.change_of(old.reads_from, new.reads_from),
                'moved_from', case
                    when (old.conversation_id, old.user_id) <> (new.conversation_id, new.user_id)
                    then jsonb_build_object('conversation_id', old.conversation_id, 'user_id', old.user_id)
                end
            )
        );
    end if;
    return null;
end
$$;
comment on function chatschema.audit_participants() is
    'Trigger: adds a row to the trail, about the conversation, for a participant who was added, removed or promoted, or who left.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_participants() from public;

create trigger conversation_participants_audit_insert after insert on public.conversation_participants
    for each row execute function chatschema.audit_participants();
create trigger conversation_participants_audit_update after update of left_at, role, reads_from, conversation_id, user_id on public.conversation_participants
    for each row
    when (
        (old.left_at is null) <> (new.left_at is null)
        or old.role <> new.role or old.reads_from is distinct from new.reads_from
        or old.conversation_id <> new.conversation_id or old.user_id <> new.user_id
    )
    execute function chatschema.audit_participants();
create trigger conversation_participants_audit_delete after delete on public.conversation_participants
    for each row execute function chatschema.audit_participants();
create trigger conversation_participants_audit_truncate after truncate on public.conversation_participants
    for each statement execute function chatschema.audit_truncate();
comment on trigger conversation_participants_audit_insert on public.conversation_participants is 'Logs a new participant.';
comment on trigger conversation_participants_audit_update on public.conversation_participants is 'Logs leaving, removing, taking back and promoting.';
comment on trigger conversation_participants_audit_delete on public.conversation_participants is 'Logs a deleted row.';
comment on trigger conversation_participants_audit_truncate on public.conversation_participants is 'Logs a TRUNCATE.';
