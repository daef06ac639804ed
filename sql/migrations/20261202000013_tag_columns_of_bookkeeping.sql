-- comments: what personal data the columns of the tables of schema chatschema hold, in the last line of each.
-- Why: the record of processing (privacy register), exports, erasures and retention read what a column holds where the column is described.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
comment on column chatschema.applied_roles.is_only_row is 'Always true.
pii=none';
comment on column chatschema.applied_roles.prefix is 'The names of the roles are PREFIX_app, PREFIX_worker, and so on.
pii=none';
comment on column chatschema.applied_roles.applied_at is 'When it was last run.
pii=none';
comment on column chatschema.applied_roles.applied_by is 'Role that ran it.
pii=none';

comment on column chatschema.deferred_erasures.message_id is 'The message. No foreign key: its month may be retired.
pii=activity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column chatschema.deferred_erasures.user_id is 'The reader whose status and reactions are meant; null means the message itself.
pii=identity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column chatschema.deferred_erasures.origin is 'tombstone: the application deleted a held message. restore: its month was restored, and a hold deferred an earlier erasure.
pii=none';
comment on column chatschema.deferred_erasures.erased_at is 'When it should have been erased.
pii=activity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column chatschema.deferred_erasures.recorded_at is 'When it was deferred.
pii=none';

comment on column chatschema.erasures.id is 'Order of recording.
pii=none';
comment on column chatschema.erasures.subject_type is 'user, conversation or message. A trigger records users; record the others with an insert.
pii=none';
comment on column chatschema.erasures.subject_id is 'Id of the subject. No foreign key: the row may be deleted.
pii=identity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column chatschema.erasures.erased_at is 'When it was erased.
pii=activity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column chatschema.erasures.recorded_at is 'When the erasure was recorded here.
pii=none';

comment on column chatschema.hold_conversations.hold_id is 'The hold.
pii=none';
comment on column chatschema.hold_conversations.conversation_id is 'A conversation the user takes or took part in. No foreign key: a hold outlives what it names.
pii=activity; purpose=legal hold; basis=legal obligation; keep=hold';
comment on column chatschema.hold_conversations.added_at is 'When the hold was placed, or the user joined the conversation.
pii=none';

comment on column chatschema.holds.id is 'Number of the hold, for chatschema hold release.
pii=none';
comment on column chatschema.holds.conversation_id is 'Only messages of this conversation; null means any. No foreign key: a hold outlives the conversation.
pii=activity; purpose=legal hold; basis=legal obligation; keep=hold';
comment on column chatschema.holds.user_id is 'Only messages that this user sent or could read; null means any user.
pii=identity; purpose=legal hold; basis=legal obligation; keep=hold';
comment on column chatschema.holds.from_at is 'Only messages from this moment on; null means from the beginning.
pii=none';
comment on column chatschema.holds.to_at is 'Only messages before this moment; null means no end.
pii=none';
comment on column chatschema.holds.reason is 'Why, for example the number of the case.
pii=content; purpose=legal hold; basis=legal obligation; keep=hold';
comment on column chatschema.holds.placed_by is 'Role that placed it.
pii=none';
comment on column chatschema.holds.placed_at is 'When it was placed.
pii=none';
comment on column chatschema.holds.released_by is 'Role that released it.
pii=none';
comment on column chatschema.holds.released_at is 'When it was released; null while it is active.
pii=none';
comment on column chatschema.holds.release_reason is 'Why it was released.
pii=content; purpose=legal hold; basis=legal obligation; keep=hold';

comment on column chatschema.last_hold.is_only_row is 'Always true.
pii=none';
comment on column chatschema.last_hold.placed_at is 'When a hold was last placed, or a held user last joined a conversation.
pii=none';

comment on column chatschema.released_attachments.attachment_id is 'The attachment. No foreign key: its row may be deleted.
pii=none';
comment on column chatschema.released_attachments.message_id is 'The message that it had.
pii=activity; purpose=files; basis=contract; keep=file';
comment on column chatschema.released_attachments.released_at is 'When it was released.
pii=none';

comment on column chatschema.retired_months.month is 'First instant of the month, UTC.
pii=none';
comment on column chatschema.retired_months.state is 'attached, detaching, detached or dropped.
pii=none';
comment on column chatschema.retired_months.keep_until is 'A restored month is not retired before this.
pii=none';
comment on column chatschema.retired_months.detached_at is 'When it was detached; the days of grace begin here.
pii=none';
comment on column chatschema.retired_months.archived_at is 'When its latest archive was written and read back.
pii=none';
comment on column chatschema.retired_months.archive is 'Folder of that archive, on the host that wrote it.
pii=none';
comment on column chatschema.retired_months.archive_sha256 is 'SHA-256 of that archive''s manifest, which names those of its files.
pii=none';
comment on column chatschema.retired_months.dropped_at is 'When its tables were dropped.
pii=none';
comment on column chatschema.retired_months.restored_at is 'When it was last restored.
pii=none';
comment on column chatschema.retired_months.messages is 'Messages archived or dropped.
pii=none';
comment on column chatschema.retired_months.statuses is 'Statuses archived or dropped.
pii=none';
comment on column chatschema.retired_months.held_messages is 'Messages under a hold that were kept in a separate table when the month was dropped.
pii=none';
comment on column chatschema.retired_months.attachments_released is 'Attachments whose message was dropped; null until they are released.
pii=none';
comment on column chatschema.retired_months.changed_at is 'Last change.
pii=none';
comment on column chatschema.retired_months.archive_is_current is 'False if rows may have changed after the archive was written: restore then requires --force. Without an archive it has no meaning.
pii=none';
