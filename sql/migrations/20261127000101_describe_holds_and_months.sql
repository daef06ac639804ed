-- comments: descriptions of holds, erasures and retired months in plain English.
-- Why: as for the nine tables; a migration for each schema, so that each file stays short.
-- Risk: changes only comments; locks each table against other changes of its structure, not against readers and writers.
comment on table chatschema.holds is 'Legal holds: the messages that must not be deleted, who placed the hold, and why.';
comment on column chatschema.holds.id is 'Number of the hold, for chatschema hold release.';
comment on column chatschema.holds.conversation_id is 'Only messages of this conversation; null means any. No foreign key: a hold outlives the conversation.';
comment on column chatschema.holds.user_id is 'Only messages that this user sent or could read; null means any user.';
comment on column chatschema.holds.from_at is 'Only messages from this moment on; null means from the beginning.';
comment on column chatschema.holds.to_at is 'Only messages before this moment; null means no end.';
comment on column chatschema.holds.placed_by is 'Role that placed it.';
comment on column chatschema.holds.released_by is 'Role that released it.';
comment on column chatschema.holds.released_at is 'When it was released; null while it is active.';
comment on constraint holds_pkey on chatschema.holds is 'One row per hold.';
comment on constraint holds_period_check on chatschema.holds is 'The period begins before it ends.';
comment on constraint holds_released_check on chatschema.holds is 'A release has a time, a role and a reason.';
comment on index chatschema.idx_holds_active is 'Active holds, for retention.';
comment on trigger holds_refuse_change on chatschema.holds is 'Holds are only placed and released.';
comment on view chatschema.held_scopes is 'Scopes of the active holds: a message is held if a row matches its conversation, its sender and its id (low <= id < high).';

comment on table chatschema.erasures is 'Erased users, conversations and messages; applied to every restored month. Contains no personal data.';
comment on column chatschema.erasures.subject_type is 'user, conversation or message. A trigger records users; record the others with an insert.';
comment on column chatschema.erasures.subject_id is 'Id of the subject. No foreign key: the row may be deleted.';
comment on column chatschema.erasures.recorded_at is 'When the erasure was recorded here.';
comment on constraint erasures_pkey on chatschema.erasures is 'One row per erasure.';
comment on constraint erasures_subject_type_check on chatschema.erasures is 'The types of subjects.';
comment on index chatschema.idx_erasures_subject is 'Erasures of a subject, when a month is restored.';

comment on table chatschema.retired_months is 'Months that are being retired, or were retired, archived or restored; one row per month.';
comment on column chatschema.retired_months.keep_until is 'A restored month is not retired before this.';
comment on column chatschema.retired_months.detached_at is 'When it was detached; the days of grace begin here.';
comment on column chatschema.retired_months.restored_at is 'When it was last restored.';
comment on column chatschema.retired_months.messages is 'Messages archived or dropped.';
comment on column chatschema.retired_months.statuses is 'Statuses archived or dropped.';
comment on column chatschema.retired_months.held_messages is 'Messages under a hold that were kept in a separate table when the month was dropped.';
comment on column chatschema.retired_months.attachments_released is 'Attachments whose message was dropped; null until they are released.';
comment on constraint retired_months_pkey on chatschema.retired_months is 'One row per month.';
comment on constraint retired_months_dropped_check on chatschema.retired_months is 'A dropped month has the time of the drop.';

comment on table chatschema.released_attachments is 'The message of each attachment that was released when its month was dropped; used when the month is restored.';
comment on column chatschema.released_attachments.attachment_id is 'The attachment. No foreign key: its row may be deleted.';
comment on column chatschema.released_attachments.message_id is 'The message that it had.';
comment on constraint released_attachments_pkey on chatschema.released_attachments is 'One row per attachment.';
comment on index chatschema.idx_released_attachments_message_id is 'The attachments of a restored month.';
