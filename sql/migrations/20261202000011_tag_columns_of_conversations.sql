-- comments: what personal data the columns of conversations, conversation_participants, audit_logs hold, in the last line of each.
-- Why: the record of processing (privacy register), exports, erasures and retention read what a column holds where the column is described.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
comment on column public.audit_logs.id is 'Order of arrival, with gaps.
pii=none';
comment on column public.audit_logs.user_id is 'User who acted; null if unknown. No foreign key: the trail outlives the user.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.action is 'The action, for example message.delete.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.resource_type is 'Type of the resource.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.resource_id is 'Id of the resource, as the application names it; any text.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.severity is 'debug, info, warning, error or critical.
pii=none';
comment on column public.audit_logs.details is 'Details of the change. Personal data.
pii=content; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.ip_address is 'Address of the client. Personal data.
pii=device; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.user_agent is 'Client software. Personal data.
pii=device; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.session_id is 'The session.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.request_id is 'The request, for joining with the log of the application.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.created_at is 'When it happened, as reported by the writer.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.recorded_at is 'When the row arrived, by the server''s clock; cannot be chosen.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.recorded_by is 'Database role that wrote it; cannot be chosen.
pii=none';
comment on column public.audit_logs.txid is 'Transaction that wrote it; orders the trail for sealing.
pii=none';
comment on column public.audit_logs.pii_salt is 'Random; erased together with the personal data.
pii=secret; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.pii_digest is 'SHA-256 of salt and personal data; stays when they are erased.
pii=none';

comment on column public.conversation_participants.conversation_id is 'The conversation.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.user_id is 'The participant.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.role is 'admin, moderator or member, in this conversation.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.encrypted_key is 'The conversation key wrapped for this user''s public key; null once shredded.
pii=secret; purpose=encryption; basis=contract; keep=conversation';
comment on column public.conversation_participants.key_nonce is 'Nonce of the wrapping, where the algorithm has one apart from the ciphertext.
pii=secret; purpose=encryption; basis=contract; keep=conversation';
comment on column public.conversation_participants.key_algorithm is 'How the key is wrapped, for example x25519-sealed-box.
pii=none';
comment on column public.conversation_participants.key_version is 'Version of the conversation key in encrypted_key.
pii=none';
comment on column public.conversation_participants.public_key_id is 'Public key with which the key is wrapped.
pii=identity; purpose=encryption; basis=contract; keep=conversation';
comment on column public.conversation_participants.last_read_message_id is 'Newest message read; later ids are unread. No foreign key: months are retired.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.last_delivered_message_id is 'Newest message that reached a device of the user.
pii=activity; purpose=delivery; basis=contract; keep=conversation';
comment on column public.conversation_participants.notification_level is 'all, mentions or none.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.muted_until is 'No notification before this.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.is_pinned is 'Whether it is at the top of the user''s list.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.joined_at is 'From when the user may read.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.left_at is 'When the user left; null while a member.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.created_at is 'When the row was created.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.updated_at is 'Last change, set by a trigger.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversation_participants.reads_from is 'First moment whose messages the participant may read, where it is not joined_at: set by a trigger if the conversation was created with the setting history = all.
pii=activity; purpose=chat; basis=contract; keep=conversation';

comment on column public.conversations.id is 'UUIDv7.
pii=none';
comment on column public.conversations.type is 'direct or group.
pii=none';
comment on column public.conversations.title is 'Name of a group; null for a direct conversation.
pii=content; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversations.avatar_url is 'Picture of a group.
pii=content; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversations.direct_user_low is 'Of a direct conversation: the smaller of the two user ids.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversations.direct_user_high is 'Of a direct conversation: the greater of the two user ids; the same for notes to self.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversations.created_by is 'User who started it; null after that user is deleted.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversations.settings is 'The application''s settings, an object of at most 16 kB.
pii=content; purpose=chat; basis=contract; keep=conversation';
comment on column public.conversations.current_key_version is 'Version of the conversation key that new messages use; raise it when a member leaves.
pii=none';
comment on column public.conversations.retention_days is 'Older messages are deleted; null means the default of the installation.
pii=none';
comment on column public.conversations.is_archived is 'Whether it is read-only and hidden from the list.
pii=none';
comment on column public.conversations.deleted_at is 'When it was closed for good; retention deletes its messages.
pii=none';
comment on column public.conversations.created_at is 'When it was started.
pii=none';
comment on column public.conversations.updated_at is 'Last change, set by a trigger.
pii=none';
