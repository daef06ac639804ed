lock table public.messages, public.message_statuses in access exclusive mode;

do $$
declare
    guard record;
begin
    for guard in
        select t.tgname, t.tgrelid::regclass as month from pg_catalog.pg_trigger as t
        join pg_catalog.pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'chat_partitions'::regnamespace and t.tgname ~ '^month_'
    loop
        execute format('drop trigger %I on %s', guard.tgname, guard.month);
    end loop;
end
$$;
drop trigger messages_require_read_committed on public.messages;
drop trigger messages_remove_references on public.messages;
drop trigger messages_remove_references_of_truncated on public.messages;
drop trigger messages_refuse_truncate_of_held on public.messages;
drop trigger message_statuses_require_messages on public.message_statuses;
drop trigger message_statuses_refuse_delete_of_held on public.message_statuses;
drop trigger message_statuses_refuse_truncate_of_held on public.message_statuses;
drop trigger message_statuses_complete on public.message_statuses;
drop trigger message_statuses_keep_status_monotonic on public.message_statuses;

create function chatschema.unlink_replies() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    update public.messages as m set reply_to_id = null where m.reply_to_id = old.id;
    return null;
end
$$;
comment on function chatschema.unlink_replies() is
    'Trigger: an answer outlives the deleted message. One that left with its month keeps its answers: it may come back.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.unlink_replies() from public;

create function chatschema.delete_statuses() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    delete from public.message_statuses as s where s.message_id = old.id;
    return null;
end
$$;
comment on function chatschema.delete_statuses() is 'Trigger: statuses go with their message.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.delete_statuses() from public;

create function chatschema.release_attachment() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    update public.attachments as a set message_id = null where a.message_id = old.id;
    return null;
end
$$;
comment on function chatschema.release_attachment() is
    'Trigger: the pointer to the stored file outlives its message, for the collector of files.';
-- With it anybody could make a trigger of it, on a table of their own, and act as the owner.
revoke execute on function chatschema.release_attachment() from public;

create trigger messages_unlink_replies after delete on public.messages
    for each row execute function chatschema.unlink_replies();
create trigger messages_delete_statuses after delete on public.messages
    for each row execute function chatschema.delete_statuses();
create trigger messages_release_attachment after delete on public.messages
    for each row execute function chatschema.release_attachment();
create trigger message_statuses_require_message after insert on public.message_statuses
    for each row execute function chatschema.require_message('message_id');
create trigger message_statuses_set_conversation_id before insert on public.message_statuses
    for each row execute function chatschema.set_conversation_id_from_message();
comment on trigger messages_unlink_replies on public.messages is 'A reply outlives what it answers.';
comment on trigger messages_delete_statuses on public.messages is 'Statuses go with their message.';
comment on trigger messages_release_attachment on public.messages is 'The pointer to a file outlives its message.';
comment on trigger message_statuses_require_message on public.message_statuses is 'The message is there, in the conversation named.';
comment on trigger message_statuses_set_conversation_id on public.message_statuses is 'Fills conversation_id.';
create trigger message_statuses_keep_status_monotonic before insert or update on public.message_statuses
    for each row execute function chatschema.keep_status_monotonic();
comment on trigger message_statuses_keep_status_monotonic on public.message_statuses is 'A late or repeated report never lowers the status or erases a time.';
