-- messages: references, from statuses, replies and attachments, and holds are checked once a statement instead of once a row.
-- Why: a row trigger searched every month for each deleted message; and a delete with an old snapshot, which left rows without their message, is refused.
-- Risk: locks messages and message_statuses with all their months against everybody, for the moment of the commit.
-- First and together: dropping a row trigger locks the months before their parent, and would deadlock with every reader.
lock table public.messages, public.message_statuses in access exclusive mode;

drop trigger messages_delete_statuses on public.messages;
drop trigger messages_unlink_replies on public.messages;
drop trigger messages_release_attachment on public.messages;
drop trigger message_statuses_require_message on public.message_statuses;
drop trigger message_statuses_set_conversation_id on public.message_statuses;
drop trigger message_statuses_keep_status_monotonic on public.message_statuses;
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
create trigger message_statuses_require_messages after insert on public.message_statuses referencing new table as added
    for each statement execute function chatschema.require_messages();
create trigger message_statuses_refuse_delete_of_held after delete on public.message_statuses referencing old table as gone
    for each statement execute function chatschema.refuse_delete_of_held_statuses();
create trigger message_statuses_refuse_truncate_of_held before truncate on public.message_statuses
    for each statement execute function chatschema.refuse_truncate_of_held();
create trigger message_statuses_complete before insert on public.message_statuses
    for each row execute function chatschema.complete_status();
create trigger message_statuses_keep_status_monotonic before update on public.message_statuses
    for each row execute function chatschema.keep_status_monotonic();

do $$
begin
    perform chatschema.guard_month(i.inhrelid::regclass) from pg_catalog.pg_inherits as i
    where i.inhparent in ('public.messages'::regclass, 'public.message_statuses'::regclass);
end
$$;

comment on trigger messages_require_read_committed on public.messages is
    'A delete under REPEATABLE READ or SERIALIZABLE would leave rows without their message.';
comment on trigger messages_remove_references on public.messages is
    'Statuses go with their message, replies and attachments outlive it; held messages are not deleted.';
comment on trigger messages_remove_references_of_truncated on public.messages is 'As for a delete, of whole tables.';
comment on trigger messages_refuse_truncate_of_held on public.messages is 'No truncate while a hold is active.';
comment on trigger message_statuses_require_messages on public.message_statuses is 'A status has its message.';
comment on trigger message_statuses_refuse_delete_of_held on public.message_statuses is 'Statuses of held messages stay.';
comment on trigger message_statuses_refuse_truncate_of_held on public.message_statuses is 'No truncate while a hold is active.';
comment on trigger message_statuses_complete on public.message_statuses is 'Fills conversation_id and the times that the status implies.';
comment on trigger message_statuses_keep_status_monotonic on public.message_statuses is
    'A late or repeated report never lowers the status or erases a time.';
