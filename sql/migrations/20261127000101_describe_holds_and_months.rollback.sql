-- Restores the earlier texts.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['table chatschema.holds', 'What must not be removed, who asked for that and why.'],
        ['column chatschema.holds.id', 'What hold release asks for.'],
        ['column chatschema.holds.conversation_id', 'Only messages of this conversation; null is any. No foreign key: a hold outlives what it names.'],
        ['column chatschema.holds.user_id', 'Only messages that this user sent or could read; null is anybody''s.'],
        ['column chatschema.holds.from_at', 'Only messages from this moment on; null is from the beginning.'],
        ['column chatschema.holds.to_at', 'Only messages before this moment; null is without end.'],
        ['column chatschema.holds.placed_by', 'Who placed it.'],
        ['column chatschema.holds.released_by', 'Who released it.'],
        ['column chatschema.holds.released_at', 'When it was released; null while it holds.'],
        ['constraint holds_pkey on chatschema.holds', 'One row a hold.'],
        ['constraint holds_period_check on chatschema.holds', 'A period has a length.'],
        ['constraint holds_released_check on chatschema.holds', 'A release says when, who and why.'],
        ['index chatschema.idx_holds_active', 'What holds now, for retention.'],
        ['trigger holds_refuse_change on chatschema.holds', 'A hold is placed and released, nothing else.'],
        ['view chatschema.held_scopes', 'What holds now: a message is held when a row matches its conversation, its sender and its id (low <= id < high).'],
        ['table chatschema.erasures', 'Whose or which data was removed; applied to every month that comes back. Holds no personal data itself.'],
        ['column chatschema.erasures.subject_type', 'user, conversation or message. Users come by trigger; record the others with an insert.'],
        ['column chatschema.erasures.subject_id', 'Which one. No foreign key: the row may be gone.'],
        ['column chatschema.erasures.recorded_at', 'When that was recorded here.'],
        ['constraint erasures_pkey on chatschema.erasures', 'One row an erasure.'],
        ['constraint erasures_subject_type_check on chatschema.erasures', 'What can be erased.'],
        ['index chatschema.idx_erasures_subject', 'Whether a message is among them, when a month comes back.'],
        ['table chatschema.retired_months', 'Months that have left or are leaving, or were archived or brought back; one row a month.'],
        ['column chatschema.retired_months.keep_until', 'Brought back: not to be retired before this.'],
        ['column chatschema.retired_months.detached_at', 'When it left the partitioned tables; the days of grace count from here.'],
        ['column chatschema.retired_months.restored_at', 'When it was last brought back.'],
        ['column chatschema.retired_months.messages', 'Messages in the archive, or dropped.'],
        ['column chatschema.retired_months.statuses', 'Statuses in the archive, or dropped.'],
        ['column chatschema.retired_months.held_messages', 'Messages under a hold that were kept in a table of their own when the rest was dropped.'],
        ['column chatschema.retired_months.attachments_released', 'Attachments that lost their message; null until that is done.'],
        ['constraint retired_months_pkey on chatschema.retired_months', 'One row a month.'],
        ['constraint retired_months_dropped_check on chatschema.retired_months', 'What was dropped says when.'],
        ['table chatschema.released_attachments', 'Which message an attachment had when that was dropped with its month; used when the month comes back.'],
        ['column chatschema.released_attachments.attachment_id', 'The attachment. No foreign key: it may be collected.'],
        ['column chatschema.released_attachments.message_id', 'The message it had.'],
        ['constraint released_attachments_pkey on chatschema.released_attachments', 'One row an attachment.'],
        ['index chatschema.idx_released_attachments_message_id', 'The attachments of a month that comes back.']
    ] loop
        begin
            execute format('comment on %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column or undefined_object or undefined_function then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
