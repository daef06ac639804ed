-- comments: what personal data the columns of conversations, conversation_participants, audit_logs hold, in the last line of each.
-- Why: the record of processing (privacy register), exports, erasures and retention read what a column holds where the column is described.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['public.audit_logs.id', 'Order of arrival, with gaps.
pii=none'],
        ['public.audit_logs.user_id', 'User who acted; null if unknown. No foreign key: the trail outlives the user.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.action', 'The action, for example message.delete.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.resource_type', 'Type of the resource.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.resource_id', 'Id of the resource, as the application names it; any text.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.severity', 'debug, info, warning, error or critical.
pii=none'],
        ['public.audit_logs.details', 'Details of the change. Personal data.
pii=content; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.ip_address', 'Address of the client. Personal data.
pii=device; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.user_agent', 'Client software. Personal data.
pii=device; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.session_id', 'The session.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.request_id', 'The request, for joining with the log of the application.
pii=identity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.created_at', 'When it happened, as reported by the writer.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.recorded_at', 'When the row arrived, by the server''s clock; cannot be chosen.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.recorded_by', 'Database role that wrote it; cannot be chosen.
pii=none'],
        ['public.audit_logs.txid', 'Transaction that wrote it; orders the trail for sealing.
pii=none'],
        ['public.audit_logs.pii_salt', 'Random; erased together with the personal data.
pii=secret; purpose=audit; basis=legitimate interest; keep=audit'],
        ['public.audit_logs.pii_digest', 'SHA-256 of salt and personal data; stays when they are erased.
pii=none'],
        ['public.conversation_participants.conversation_id', 'The conversation.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.user_id', 'The participant.
pii=identity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.role', 'admin, moderator or member, in this conversation.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.encrypted_key', 'The conversation key wrapped for this user''s public key; null once shredded.
pii=secret; purpose=encryption; basis=contract; keep=conversation'],
        ['public.conversation_participants.key_nonce', 'Nonce of the wrapping, where the algorithm has one apart from the ciphertext.
pii=secret; purpose=encryption; basis=contract; keep=conversation'],
        ['public.conversation_participants.key_algorithm', 'How the key is wrapped, for example x25519-sealed-box.
pii=none'],
        ['public.conversation_participants.key_version', 'Version of the conversation key in encrypted_key.
pii=none'],
        ['public.conversation_participants.public_key_id', 'Public key with which the key is wrapped.
pii=identity; purpose=encryption; basis=contract; keep=conversation'],
        ['public.conversation_participants.last_read_message_id', 'Newest message read; later ids are unread. No foreign key: months are retired.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.last_delivered_message_id', 'Newest message that reached a device of the user.
pii=activity; purpose=delivery; basis=contract; keep=conversation'],
        ['public.conversation_participants.notification_level', 'all, mentions or none.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.muted_until', 'No notification before this.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.is_pinned', 'Whether it is at the top of the user''s list.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.joined_at', 'From when the user may read.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.left_at', 'When the user left; null while a member.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.created_at', 'When the row was created.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.updated_at', 'Last change, set by a trigger.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversation_participants.reads_from', 'First moment whose messages the participant may read, where it is not joined_at: set by a trigger if the conversation was created with the setting history = all.
pii=activity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.id', 'UUIDv7.
pii=none'],
        ['public.conversations.type', 'direct or group.
pii=none'],
        ['public.conversations.title', 'Name of a group; null for a direct conversation.
pii=content; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.avatar_url', 'Picture of a group.
pii=content; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.direct_user_low', 'Of a direct conversation: the smaller of the two user ids.
pii=identity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.direct_user_high', 'Of a direct conversation: the greater of the two user ids; the same for notes to self.
pii=identity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.created_by', 'User who started it; null after that user is deleted.
pii=identity; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.settings', 'The application''s settings, an object of at most 16 kB.
pii=content; purpose=chat; basis=contract; keep=conversation'],
        ['public.conversations.current_key_version', 'Version of the conversation key that new messages use; raise it when a member leaves.
pii=none'],
        ['public.conversations.retention_days', 'Older messages are deleted; null means the default of the installation.
pii=none'],
        ['public.conversations.is_archived', 'Whether it is read-only and hidden from the list.
pii=none'],
        ['public.conversations.deleted_at', 'When it was closed for good; retention deletes its messages.
pii=none'],
        ['public.conversations.created_at', 'When it was started.
pii=none'],
        ['public.conversations.updated_at', 'Last change, set by a trigger.
pii=none']
    ] loop
        begin
            execute format('comment on column %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
