-- comments: descriptions of holds, erasures and retired months in plain English.
-- Why: as for the nine tables; a migration for each schema, so that each file stays short.
-- Risk: changes only comments; locks each table against other changes of its structure, not against readers and writers.
-- An object that was dropped by hand is skipped: a description must not stop an upgrade.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['table chatschema.holds', 'Legal holds: the messages that must not be deleted, who placed the hold, and why.'],
        ['column chatschema.holds.id', 'Number of the hold, for chatschema hold release.'],
        ['column chatschema.holds.conversation_id', 'Only messages of this conversation; null means any. No foreign key: a hold outlives the conversation.'],
        ['column chatschema.holds.user_id', 'Only messages that this user sent or could read; null means any user.'],
        ['column chatschema.holds.from_at', 'Only messages from this moment on; null means from the beginning.'],
        ['column chatschema.holds.to_at', 'Only messages before this moment; null means no end.'],
        ['column chatschema.holds.placed_by', 'Role that placed it.'],
        ['column chatschema.holds.released_by', 'Role that released it.'],
        ['column chatschema.holds.released_at', 'When it was released; null while it is active.'],
        ['constraint holds_pkey on chatschema.holds', 'One row per hold.'],
        ['constraint holds_period_check on chatschema.holds', 'The period begins before it ends.'],
        ['constraint holds_released_check on chatschema.holds', 'A release has a time, a role and a reason.'],
        ['index chatschema.idx_holds_active', 'Active holds, for retention.'],
        ['trigger holds_refuse_change on chatschema.holds', 'Holds are only placed and released.'],
        ['view chatschema.held_scopes', 'Scopes of the active holds: a message is held if a row matches its conversation, its sender and its id (low <= id < high).'],
        ['table chatschema.erasures', 'Erased users, conversations and messages; applied to every restored month. Contains no personal data.'],
        ['column chatschema.erasures.subject_type', 'user, conversation or message. A trigger records users; record the others with an insert.'],
        ['column chatschema.erasures.subject_id', 'Id of the subject. No foreign key: the row may be deleted.'],
        ['column chatschema.erasures.recorded_at', 'When the erasure was recorded here.'],
        ['constraint erasures_pkey on chatschema.erasures', 'One row per erasure.'],
        ['constraint erasures_subject_type_check on chatschema.erasures', 'The types of subjects.'],
        ['index chatschema.idx_erasures_subject', 'Erasures of a subject, when a month is restored.'],
        ['table chatschema.retired_months', 'Months that are being retired, or were retired, archived or restored; one row per month.'],
        ['column chatschema.retired_months.keep_until', 'A restored month is not retired before this.'],
        ['column chatschema.retired_months.detached_at', 'When it was detached; the days of grace begin here.'],
        ['column chatschema.retired_months.restored_at', 'When it was last restored.'],
        ['column chatschema.retired_months.messages', 'Messages archived or dropped.'],
        ['column chatschema.retired_months.statuses', 'Statuses archived or dropped.'],
        ['column chatschema.retired_months.held_messages', 'Messages under a hold that were kept in a separate table when the month was dropped.'],
        ['column chatschema.retired_months.attachments_released', 'Attachments whose message was dropped; null until they are released.'],
        ['constraint retired_months_pkey on chatschema.retired_months', 'One row per month.'],
        ['constraint retired_months_dropped_check on chatschema.retired_months', 'A dropped month has the time of the drop.'],
        ['table chatschema.released_attachments', 'The message of each attachment that was released when its month was dropped; used when the month is restored.'],
        ['column chatschema.released_attachments.attachment_id', 'The attachment. No foreign key: its row may be deleted.'],
        ['column chatschema.released_attachments.message_id', 'The message that it had.'],
        ['constraint released_attachments_pkey on chatschema.released_attachments', 'One row per attachment.'],
        ['index chatschema.idx_released_attachments_message_id', 'The attachments of a restored month.']
    ] loop
        begin
            execute format('comment on %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column or undefined_object or undefined_function then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
