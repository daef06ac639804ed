-- comments: without the line about personal data, of the columns of conversations, conversation_participants, audit_logs.
-- Why: undoes 20261202000011_tag_columns_of_conversations.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['public.audit_logs.id', 'Order of arrival, with gaps.'],
        ['public.audit_logs.user_id', 'User who acted; null if unknown. No foreign key: the trail outlives the user.'],
        ['public.audit_logs.action', 'The action, for example message.delete.'],
        ['public.audit_logs.resource_type', 'Type of the resource.'],
        ['public.audit_logs.resource_id', 'Id of the resource, as the application names it; any text.'],
        ['public.audit_logs.severity', 'debug, info, warning, error or critical.'],
        ['public.audit_logs.details', 'Details of the change. Personal data.'],
        ['public.audit_logs.ip_address', 'Address of the client. Personal data.'],
        ['public.audit_logs.user_agent', 'Client software. Personal data.'],
        ['public.audit_logs.session_id', 'The session.'],
        ['public.audit_logs.request_id', 'The request, for joining with the log of the application.'],
        ['public.audit_logs.created_at', 'When it happened, as reported by the writer.'],
        ['public.audit_logs.recorded_at', 'When the row arrived, by the server''s clock; cannot be chosen.'],
        ['public.audit_logs.recorded_by', 'Database role that wrote it; cannot be chosen.'],
        ['public.audit_logs.txid', 'Transaction that wrote it; orders the trail for sealing.'],
        ['public.audit_logs.pii_salt', 'Random; erased together with the personal data.'],
        ['public.audit_logs.pii_digest', 'SHA-256 of salt and personal data; stays when they are erased.'],
        ['public.conversation_participants.conversation_id', 'The conversation.'],
        ['public.conversation_participants.user_id', 'The participant.'],
        ['public.conversation_participants.role', 'admin, moderator or member, in this conversation.'],
        ['public.conversation_participants.encrypted_key', 'The conversation key wrapped for this user''s public key; null once shredded.'],
        ['public.conversation_participants.key_nonce', 'Nonce of the wrapping, where the algorithm has one apart from the ciphertext.'],
        ['public.conversation_participants.key_algorithm', 'How the key is wrapped, for example x25519-sealed-box.'],
        ['public.conversation_participants.key_version', 'Version of the conversation key in encrypted_key.'],
        ['public.conversation_participants.public_key_id', 'Public key with which the key is wrapped.'],
        ['public.conversation_participants.last_read_message_id', 'Newest message read; later ids are unread. No foreign key: months are retired.'],
        ['public.conversation_participants.last_delivered_message_id', 'Newest message that reached a device of the user.'],
        ['public.conversation_participants.notification_level', 'all, mentions or none.'],
        ['public.conversation_participants.muted_until', 'No notification before this.'],
        ['public.conversation_participants.is_pinned', 'Whether it is at the top of the user''s list.'],
        ['public.conversation_participants.joined_at', 'From when the user may read.'],
        ['public.conversation_participants.left_at', 'When the user left; null while a member.'],
        ['public.conversation_participants.created_at', 'When the row was created.'],
        ['public.conversation_participants.updated_at', 'Last change, set by a trigger.'],
        ['public.conversation_participants.reads_from', 'First moment whose messages the participant may read, where it is not joined_at: set by a trigger if the conversation was created with the setting history = all.'],
        ['public.conversations.id', 'UUIDv7.'],
        ['public.conversations.type', 'direct or group.'],
        ['public.conversations.title', 'Name of a group; null for a direct conversation.'],
        ['public.conversations.avatar_url', 'Picture of a group.'],
        ['public.conversations.direct_user_low', 'Of a direct conversation: the smaller of the two user ids.'],
        ['public.conversations.direct_user_high', 'Of a direct conversation: the greater of the two user ids; the same for notes to self.'],
        ['public.conversations.created_by', 'User who started it; null after that user is deleted.'],
        ['public.conversations.settings', 'The application''s settings, an object of at most 16 kB.'],
        ['public.conversations.current_key_version', 'Version of the conversation key that new messages use; raise it when a member leaves.'],
        ['public.conversations.retention_days', 'Older messages are deleted; null means the default of the installation.'],
        ['public.conversations.is_archived', 'Whether it is read-only and hidden from the list.'],
        ['public.conversations.deleted_at', 'When it was closed for good; retention deletes its messages.'],
        ['public.conversations.created_at', 'When it was started.'],
        ['public.conversations.updated_at', 'Last change, set by a trigger.']
    ] loop
        begin
            execute format('comment on column %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
