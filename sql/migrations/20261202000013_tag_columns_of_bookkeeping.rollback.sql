-- comments: without the line about personal data, of the columns of the tables of schema chatschema.
-- Why: undoes 20261202000013_tag_columns_of_bookkeeping.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['chatschema.applied_roles.is_only_row', 'Always true.'],
        ['chatschema.applied_roles.prefix', 'The names of the roles are PREFIX_app, PREFIX_worker, and so on.'],
        ['chatschema.applied_roles.applied_at', 'When it was last run.'],
        ['chatschema.applied_roles.applied_by', 'Role that ran it.'],
        ['chatschema.deferred_erasures.message_id', 'The message. No foreign key: its month may be retired.'],
        ['chatschema.deferred_erasures.user_id', 'The reader whose status and reactions are meant; null means the message itself.'],
        ['chatschema.deferred_erasures.origin', 'tombstone: the application deleted a held message. restore: its month was restored, and a hold deferred an earlier erasure.'],
        ['chatschema.deferred_erasures.erased_at', 'When it should have been erased.'],
        ['chatschema.deferred_erasures.recorded_at', 'When it was deferred.'],
        ['chatschema.erasures.id', 'Order of recording.'],
        ['chatschema.erasures.subject_type', 'user, conversation or message. A trigger records users; record the others with an insert.'],
        ['chatschema.erasures.subject_id', 'Id of the subject. No foreign key: the row may be deleted.'],
        ['chatschema.erasures.erased_at', 'When it was erased.'],
        ['chatschema.erasures.recorded_at', 'When the erasure was recorded here.'],
        ['chatschema.hold_conversations.hold_id', 'The hold.'],
        ['chatschema.hold_conversations.conversation_id', 'A conversation the user takes or took part in. No foreign key: a hold outlives what it names.'],
        ['chatschema.hold_conversations.added_at', 'When the hold was placed, or the user joined the conversation.'],
        ['chatschema.holds.id', 'Number of the hold, for chatschema hold release.'],
        ['chatschema.holds.conversation_id', 'Only messages of this conversation; null means any. No foreign key: a hold outlives the conversation.'],
        ['chatschema.holds.user_id', 'Only messages that this user sent or could read; null means any user.'],
        ['chatschema.holds.from_at', 'Only messages from this moment on; null means from the beginning.'],
        ['chatschema.holds.to_at', 'Only messages before this moment; null means no end.'],
        ['chatschema.holds.reason', 'Why, for example the number of the case.'],
        ['chatschema.holds.placed_by', 'Role that placed it.'],
        ['chatschema.holds.placed_at', 'When it was placed.'],
        ['chatschema.holds.released_by', 'Role that released it.'],
        ['chatschema.holds.released_at', 'When it was released; null while it is active.'],
        ['chatschema.holds.release_reason', 'Why it was released.'],
        ['chatschema.last_hold.is_only_row', 'Always true.'],
        ['chatschema.last_hold.placed_at', 'When a hold was last placed, or a held user last joined a conversation.'],
        ['chatschema.released_attachments.attachment_id', 'The attachment. No foreign key: its row may be deleted.'],
        ['chatschema.released_attachments.message_id', 'The message that it had.'],
        ['chatschema.released_attachments.released_at', 'When it was released.'],
        ['chatschema.retired_months.month', 'First instant of the month, UTC.'],
        ['chatschema.retired_months.state', 'attached, detaching, detached or dropped.'],
        ['chatschema.retired_months.keep_until', 'A restored month is not retired before this.'],
        ['chatschema.retired_months.detached_at', 'When it was detached; the days of grace begin here.'],
        ['chatschema.retired_months.archived_at', 'When its latest archive was written and read back.'],
        ['chatschema.retired_months.archive', 'Folder of that archive, on the host that wrote it.'],
        ['chatschema.retired_months.archive_sha256', 'SHA-256 of that archive''s manifest, which names those of its files.'],
        ['chatschema.retired_months.dropped_at', 'When its tables were dropped.'],
        ['chatschema.retired_months.restored_at', 'When it was last restored.'],
        ['chatschema.retired_months.messages', 'Messages archived or dropped.'],
        ['chatschema.retired_months.statuses', 'Statuses archived or dropped.'],
        ['chatschema.retired_months.held_messages', 'Messages under a hold that were kept in a separate table when the month was dropped.'],
        ['chatschema.retired_months.attachments_released', 'Attachments whose message was dropped; null until they are released.'],
        ['chatschema.retired_months.changed_at', 'Last change.'],
        ['chatschema.retired_months.archive_is_current', 'False if rows may have changed after the archive was written: restore then requires --force. Without an archive it has no meaning.']
    ] loop
        begin
            execute format('comment on column %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
