-- comments: without the line about personal data, of the columns of the tables of schema chatschema.
-- Why: undoes 20261202000013_tag_columns_of_bookkeeping.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
comment on column chatschema.applied_roles.is_only_row is 'Always true.';
comment on column chatschema.applied_roles.prefix is 'The names of the roles are PREFIX_app, PREFIX_worker, and so on.';
comment on column chatschema.applied_roles.applied_at is 'When it was last run.';
comment on column chatschema.applied_roles.applied_by is 'Role that ran it.';

comment on column chatschema.deferred_erasures.message_id is 'The message. No foreign key: its month may be retired.';
comment on column chatschema.deferred_erasures.user_id is 'The reader whose status and reactions are meant; null means the message itself.';
comment on column chatschema.deferred_erasures.origin is 'tombstone: the application deleted a held message. restore: its month was restored, and a hold deferred an earlier erasure.';
comment on column chatschema.deferred_erasures.erased_at is 'When it should have been erased.';
comment on column chatschema.deferred_erasures.recorded_at is 'When it was deferred.';

comment on column chatschema.erasures.id is 'Order of recording.';
comment on column chatschema.erasures.subject_type is 'user, conversation or message. A trigger records users; record the others with an insert.';
comment on column chatschema.erasures.subject_id is 'Id of the subject. No foreign key: the row may be deleted.';
comment on column chatschema.erasures.erased_at is 'When it was erased.';
comment on column chatschema.erasures.recorded_at is 'When the erasure was recorded here.';

comment on column chatschema.hold_conversations.hold_id is 'The hold.';
comment on column chatschema.hold_conversations.conversation_id is 'A conversation the user takes or took part in. No foreign key: a hold outlives what it names.';
comment on column chatschema.hold_conversations.added_at is 'When the hold was placed, or the user joined the conversation.';

comment on column chatschema.holds.id is 'Number of the hold, for chatschema hold release.';
comment on column chatschema.holds.conversation_id is 'Only messages of this conversation; null means any. No foreign key: a hold outlives the conversation.';
comment on column chatschema.holds.user_id is 'Only messages that this user sent or could read; null means any user.';
comment on column chatschema.holds.from_at is 'Only messages from this moment on; null means from the beginning.';
comment on column chatschema.holds.to_at is 'Only messages before this moment; null means no end.';
comment on column chatschema.holds.reason is 'Why, for example the number of the case.';
comment on column chatschema.holds.placed_by is 'Role that placed it.';
comment on column chatschema.holds.placed_at is 'When it was placed.';
comment on column chatschema.holds.released_by is 'Role that released it.';
comment on column chatschema.holds.released_at is 'When it was released; null while it is active.';
comment on column chatschema.holds.release_reason is 'Why it was released.';

comment on column chatschema.last_hold.is_only_row is 'Always true.';
comment on column chatschema.last_hold.placed_at is 'When a hold was last placed, or a held user last joined a conversation.';

comment on column chatschema.released_attachments.attachment_id is 'The attachment. No foreign key: its row may be deleted.';
comment on column chatschema.released_attachments.message_id is 'The message that it had.';
comment on column chatschema.released_attachments.released_at is 'When it was released.';

comment on column chatschema.retired_months.month is 'First instant of the month, UTC.';
comment on column chatschema.retired_months.state is 'attached, detaching, detached or dropped.';
comment on column chatschema.retired_months.keep_until is 'A restored month is not retired before this.';
comment on column chatschema.retired_months.detached_at is 'When it was detached; the days of grace begin here.';
comment on column chatschema.retired_months.archived_at is 'When its latest archive was written and read back.';
comment on column chatschema.retired_months.archive is 'Folder of that archive, on the host that wrote it.';
comment on column chatschema.retired_months.archive_sha256 is 'SHA-256 of that archive''s manifest, which names those of its files.';
comment on column chatschema.retired_months.dropped_at is 'When its tables were dropped.';
comment on column chatschema.retired_months.restored_at is 'When it was last restored.';
comment on column chatschema.retired_months.messages is 'Messages archived or dropped.';
comment on column chatschema.retired_months.statuses is 'Statuses archived or dropped.';
comment on column chatschema.retired_months.held_messages is 'Messages under a hold that were kept in a separate table when the month was dropped.';
comment on column chatschema.retired_months.attachments_released is 'Attachments whose message was dropped; null until they are released.';
comment on column chatschema.retired_months.changed_at is 'Last change.';
comment on column chatschema.retired_months.archive_is_current is 'False if rows may have changed after the archive was written: restore then requires --force. Without an archive it has no meaning.';
