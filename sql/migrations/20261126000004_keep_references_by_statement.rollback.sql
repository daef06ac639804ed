lock table public.messages in access exclusive mode;

do $$
declare
    guard record;
begin
    for guard in
        select t.tgname, t.tgrelid::regclass as month from pg_catalog.pg_trigger as t
        join pg_catalog.pg_inherits as i on i.inhrelid = t.tgrelid
        where i.inhparent = 'public.messages'::regclass and t.tgname ~ '^month_'
    loop
        execute format('drop trigger %I on %s', guard.tgname, guard.month);
    end loop;
end
$$;
drop trigger messages_require_read_committed on public.messages;
drop trigger messages_remove_references on public.messages;
drop trigger messages_remove_references_of_truncated on public.messages;
drop trigger messages_refuse_truncate_of_held on public.messages;

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
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and act as the owner.
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
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and act as the owner.
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
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and act as the owner.
revoke execute on function chatschema.release_attachment() from public;

create trigger messages_unlink_replies after delete on public.messages
    for each row execute function chatschema.unlink_replies();
create trigger messages_delete_statuses after delete on public.messages
    for each row execute function chatschema.delete_statuses();
create trigger messages_release_attachment after delete on public.messages
    for each row execute function chatschema.release_attachment();
comment on trigger messages_unlink_replies on public.messages is 'A reply outlives what it answers.';
comment on trigger messages_delete_statuses on public.messages is 'Statuses go with their message.';
comment on trigger messages_release_attachment on public.messages is 'The pointer to a file outlives its message.';
