lock table public.message_statuses in access exclusive mode;

do $$
declare
    guard record;
begin
    for guard in
        select t.tgname, t.tgrelid::regclass as month from pg_catalog.pg_trigger as t
        join pg_catalog.pg_inherits as i on i.inhrelid = t.tgrelid
        where i.inhparent = 'public.message_statuses'::regclass and t.tgname ~ '^month_'
    loop
        execute format('drop trigger %I on %s', guard.tgname, guard.month);
    end loop;
end
$$;
drop trigger message_statuses_require_messages on public.message_statuses;
drop trigger message_statuses_refuse_delete_of_held on public.message_statuses;
drop trigger message_statuses_refuse_truncate_of_held on public.message_statuses;
drop trigger message_statuses_require_changed_message on public.message_statuses;
drop trigger message_statuses_complete on public.message_statuses;
drop trigger message_statuses_keep_status_monotonic on public.message_statuses;

create function chatschema.keep_status_monotonic() returns trigger
    language plpgsql
as $$
declare
    ranks constant text[] := array['sent', 'failed', 'delivered', 'read'];
begin
    if tg_op = 'UPDATE' then
        if array_position(ranks, new.status) < array_position(ranks, old.status) then
            new.status := old.status;
        end if;
        -- least() ignores nulls: the first report counts, and a report that leaves a time out does not erase it.
        new.delivered_at := least(old.delivered_at, new.delivered_at);
        new.read_at := least(old.read_at, new.read_at);
        new.failed_at := least(old.failed_at, new.failed_at);
    end if;
    if new.status = 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := least(new.delivered_at, new.read_at);
    elsif new.status = 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
    elsif new.status = 'failed' then
        new.failed_at := coalesce(new.failed_at, now());
    end if;
    return new;
end
$$;
comment on function chatschema.keep_status_monotonic() is
    'Trigger: a status only rises (sent, failed, delivered, read), each time is that of the first report, read implies delivered.';

create trigger message_statuses_require_message after insert on public.message_statuses
    for each row execute function chatschema.require_message('message_id');
create trigger message_statuses_set_conversation_id before insert on public.message_statuses
    for each row execute function chatschema.set_conversation_id_from_message();
create trigger message_statuses_keep_status_monotonic before insert or update on public.message_statuses
    for each row execute function chatschema.keep_status_monotonic();
comment on trigger message_statuses_require_message on public.message_statuses is 'The message is there, in the conversation named.';
comment on trigger message_statuses_set_conversation_id on public.message_statuses is 'Fills conversation_id.';
comment on trigger message_statuses_keep_status_monotonic on public.message_statuses is 'A late or repeated report never lowers the status or erases a time.';
create trigger message_statuses_require_changed_message after update of message_id, conversation_id on public.message_statuses
    for each row when (new.message_id <> old.message_id or new.conversation_id <> old.conversation_id)
    execute function chatschema.require_message('message_id');
comment on trigger message_statuses_require_changed_message on public.message_statuses is 'The message is there, in the conversation named, also when changed.';
create trigger message_statuses_set_updated_at before update on public.message_statuses
    for each row execute function chatschema.set_updated_at();
comment on trigger message_statuses_set_updated_at on public.message_statuses is 'Keeps updated_at.';
