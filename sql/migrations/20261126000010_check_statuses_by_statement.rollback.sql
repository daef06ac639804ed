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
