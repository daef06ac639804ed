-- messages: references to deleted messages, and holds on them, are kept once for each statement instead of once for each row.
-- Why: a row trigger searched every month for each deleted message. And a delete with an old snapshot left rows without their message; it is now refused.
-- Risk: locks messages and all its months against readers and writers, until the commit.
-- The lock comes first: dropping a row trigger locks the months before their parent, and would deadlock with every reader.
-- message_statuses has its own migration: a status report locks it before messages, and a delete locks it after messages, so a
-- transaction that needs both locks would meet one of them each time while the application is in use.
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
comment on trigger messages_remove_references_of_truncated on public.messages is 'The same rule as for a delete, for whole tables.';
comment on trigger messages_refuse_truncate_of_held on public.messages is 'No truncate while a hold is active.';
