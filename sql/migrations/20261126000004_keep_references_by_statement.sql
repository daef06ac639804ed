-- messages: what refers to a deleted message, and holds on it, are looked after once a statement instead of once a row.
-- Why: a row trigger searched every month for each deleted message; and a delete with an old snapshot, which left rows without their message, is refused.
-- Risk: locks messages with all its months against everybody, for the moment of the commit.
-- First: dropping a row trigger locks the months before their parent, and would deadlock with every reader. And without
-- message_statuses, which has a migration of its own: a report locks it before messages, a delete after it, so whoever asks for both
-- meets one of them, and gives up each time while people talk.
lock table public.messages in access exclusive mode;

drop trigger messages_delete_statuses on public.messages;
drop trigger messages_unlink_replies on public.messages;
drop trigger messages_release_attachment on public.messages;
drop function chatschema.delete_statuses();
drop function chatschema.unlink_replies();
drop function chatschema.release_attachment();

create trigger messages_require_read_committed before delete or truncate on public.messages
    for each statement execute function chatschema.require_read_committed();
create trigger messages_remove_references after delete on public.messages referencing old table as gone
    for each statement execute function chatschema.remove_references();
create trigger messages_remove_references_of_truncated after truncate on public.messages
    for each statement execute function chatschema.remove_references_of_truncated();
create trigger messages_refuse_truncate_of_held before truncate on public.messages
    for each statement execute function chatschema.refuse_truncate_of_held();

do $$
begin
    perform chatschema.guard_month(i.inhrelid::regclass) from pg_catalog.pg_inherits as i
    where i.inhparent = 'public.messages'::regclass;
end
$$;

comment on trigger messages_require_read_committed on public.messages is
    'A delete under REPEATABLE READ or SERIALIZABLE would leave rows without their message.';
comment on trigger messages_remove_references on public.messages is
    'Statuses go with their message, replies and attachments outlive it; held messages are not deleted.';
comment on trigger messages_remove_references_of_truncated on public.messages is 'As for a delete, of whole tables.';
comment on trigger messages_refuse_truncate_of_held on public.messages is 'No truncate while a hold is active.';
