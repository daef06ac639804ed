-- message_statuses: checks that messages exist, and holds on them, once for each statement instead of once for each row.
-- Why: a row trigger that looks up the message of each new status is planned over every month, and locks every month.
-- Risk: locks message_statuses and all its months against readers and writers, until the commit.
-- The lock comes first, and without messages: see the migration of messages.
lock table public.message_statuses in access exclusive mode;

drop trigger message_statuses_require_message on public.message_statuses;
drop trigger message_statuses_set_conversation_id on public.message_statuses;
drop trigger message_statuses_require_changed_message on public.message_statuses;
drop trigger message_statuses_keep_status_monotonic on public.message_statuses;
drop trigger message_statuses_set_updated_at on public.message_statuses;
drop function chatschema.keep_status_monotonic();

create trigger message_statuses_require_messages after insert on public.message_statuses referencing new table as added
    for each statement execute function chatschema.require_messages();
create trigger message_statuses_refuse_delete_of_held after delete on public.message_statuses referencing old table as gone
    for each statement execute function chatschema.refuse_delete_of_held_statuses();
create trigger message_statuses_refuse_truncate_of_held before truncate on public.message_statuses
    for each statement execute function chatschema.refuse_truncate_of_held();
create trigger message_statuses_complete before insert on public.message_statuses
    for each row execute function chatschema.complete_status();
-- BEFORE, because for a row that moves to another month only these and the row triggers of insert and delete fire.
create trigger message_statuses_require_changed_message
    before update of message_id, user_id, conversation_id on public.message_statuses
    for each row when (
        new.message_id <> old.message_id or new.user_id <> old.user_id or new.conversation_id <> old.conversation_id
    )
    execute function chatschema.require_changed_message();
create trigger message_statuses_keep_status_monotonic before update on public.message_statuses
    for each row execute function chatschema.merge_status();

do $$
begin
    perform chatschema.guard_month(i.inhrelid::regclass) from pg_catalog.pg_inherits as i
    where i.inhparent = 'public.message_statuses'::regclass;
end
$$;

comment on trigger message_statuses_require_messages on public.message_statuses is 'A new status has an existing message.';
comment on trigger message_statuses_refuse_delete_of_held on public.message_statuses is 'Statuses of held messages cannot be deleted.';
comment on trigger message_statuses_refuse_truncate_of_held on public.message_statuses is 'No truncate while a hold is active.';
comment on trigger message_statuses_complete on public.message_statuses is 'Fills in conversation_id and the times that the status implies.';
comment on trigger message_statuses_keep_status_monotonic on public.message_statuses is
    'A late or repeated report never lowers the status or erases a time. Sets updated_at.';
comment on trigger message_statuses_require_changed_message on public.message_statuses is
    'A changed status has an existing message, in any month; a status of a held message cannot be moved.';
