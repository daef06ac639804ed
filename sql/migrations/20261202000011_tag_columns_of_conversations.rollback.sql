-- comments: without the line about personal data, of the columns of conversations, conversation_participants, audit_logs.
-- Why: undoes 20261202000011_tag_columns_of_conversations.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
comment on column public.audit_logs.id is 'Order of arrival, with gaps.';
comment on column public.audit_logs.user_id is 'User who acted; null if unknown. No foreign key: the trail outlives the user.';
comment on column public.audit_logs.action is 'The action, for example message.delete.';
comment on column public.audit_logs.resource_type is 'Type of the resource.';
comment on column public.audit_logs.resource_id is 'Id of the resource, as the application names it; any text.';
comment on column public.audit_logs.severity is 'debug, info, warning, error or critical.';
comment on column public.audit_logs.details is 'Details of the change. Personal data.';
comment on column public.audit_logs.ip_address is 'Address of the client. Personal data.';
comment on column public.audit_logs.user_agent is 'Client software. Personal data.';
comment on column public.audit_logs.session_id is 'The session.';
comment on column public.audit_logs.request_id is 'The request, for joining with the log of the application.';
comment on column public.audit_logs.created_at is 'When it happened, as reported by the writer.';
comment on column public.audit_logs.recorded_at is 'When the row arrived, by the server''s clock; cannot be chosen.';
comment on column public.audit_logs.recorded_by is 'Database role that wrote it; cannot be chosen.';
comment on column public.audit_logs.txid is 'Transaction that wrote it; orders the trail for sealing.';
comment on column public.audit_logs.pii_salt is 'Random; erased together with the personal data.';
comment on column public.audit_logs.pii_digest is 'SHA-256 of salt and personal data; stays when they are erased.';

comment on column public.conversation_participants.conversation_id is 'The conversation.';
comment on column public.conversation_participants.user_id is 'The participant.';
comment on column public.conversation_participants.role is 'admin, moderator or member, in this conversation.';
comment on column public.conversation_participants.encrypted_key is 'The conversation key wrapped for this user''s public key; null once shredded.';
comment on column public.conversation_participants.key_nonce is 'Nonce of the wrapping, where the algorithm has one apart from the ciphertext.';
comment on column public.conversation_participants.key_algorithm is 'How the key is wrapped, for example x25519-sealed-box.';
comment on column public.conversation_participants.key_version is 'Version of the conversation key in encrypted_key.';
comment on column public.conversation_participants.public_key_id is 'Public key with which the key is wrapped.';
comment on column public.conversation_participants.last_read_message_id is 'Newest message read; later ids are unread. No foreign key: months are retired.';
comment on column public.conversation_participants.last_delivered_message_id is 'Newest message that reached a device of the user.';
comment on column public.conversation_participants.notification_level is 'all, mentions or none.';
comment on column public.conversation_participants.muted_until is 'No notification before this.';
comment on column public.conversation_participants.is_pinned is 'Whether it is at the top of the user''s list.';
comment on column public.conversation_participants.joined_at is 'From when the user may read.';
comment on column public.conversation_participants.left_at is 'When the user left; null while a member.';
comment on column public.conversation_participants.created_at is 'When the row was created.';
comment on column public.conversation_participants.updated_at is 'Last change, set by a trigger.';
comment on column public.conversation_participants.reads_from is 'First moment whose messages the participant may read, where it is not joined_at: set by a trigger if the conversation was created with the setting history = all.';

comment on column public.conversations.id is 'UUIDv7.';
comment on column public.conversations.type is 'direct or group.';
comment on column public.conversations.title is 'Name of a group; null for a direct conversation.';
comment on column public.conversations.avatar_url is 'Picture of a group.';
comment on column public.conversations.direct_user_low is 'Of a direct conversation: the smaller of the two user ids.';
comment on column public.conversations.direct_user_high is 'Of a direct conversation: the greater of the two user ids; the same for notes to self.';
comment on column public.conversations.created_by is 'User who started it; null after that user is deleted.';
comment on column public.conversations.settings is 'The application''s settings, an object of at most 16 kB.';
comment on column public.conversations.current_key_version is 'Version of the conversation key that new messages use; raise it when a member leaves.';
comment on column public.conversations.retention_days is 'Older messages are deleted; null means the default of the installation.';
comment on column public.conversations.is_archived is 'Whether it is read-only and hidden from the list.';
comment on column public.conversations.deleted_at is 'When it was closed for good; retention deletes its messages.';
comment on column public.conversations.created_at is 'When it was started.';
comment on column public.conversations.updated_at is 'Last change, set by a trigger.';
