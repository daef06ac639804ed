-- comments: without the line about personal data, of the columns of messages, message_statuses, attachments.
-- Why: undoes 20261202000012_tag_columns_of_messages.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['public.attachments.id', 'UUIDv7.'],
        ['public.attachments.message_id', 'Message of the file; null before it is sent and after it is deleted.'],
        ['public.attachments.conversation_id', 'Conversation of the message; set by a trigger if left out.'],
        ['public.attachments.uploader_id', 'User who uploaded it.'],
        ['public.attachments.storage_provider', 'Which store: s3, gcs, disk, ...'],
        ['public.attachments.storage_key', 'The name in that store; no URL, no signature.'],
        ['public.attachments.file_name_encrypted', 'The file''s name as ciphertext.'],
        ['public.attachments.mime_type', 'Type of the content, as reported by the client.'],
        ['public.attachments.size_bytes', 'Size of the stored bytes.'],
        ['public.attachments.sha256', 'SHA-256 of the stored bytes.'],
        ['public.attachments.is_encrypted', 'Whether the stored bytes are ciphertext.'],
        ['public.attachments.encryption_algorithm', 'The cipher of the stored bytes.'],
        ['public.attachments.encryption_nonce', 'Nonce of the cipher, where it is not part of the bytes.'],
        ['public.attachments.key_version', 'Version of the conversation key.'],
        ['public.attachments.state', 'pending, ready, quarantined or deleted.'],
        ['public.attachments.purged_at', 'When the stored bytes were removed.'],
        ['public.attachments.created_at', 'When the upload began.'],
        ['public.attachments.updated_at', 'Last change, set by a trigger.'],
        ['public.message_statuses.message_id', 'The message; its UUIDv7 determines the month.'],
        ['public.message_statuses.user_id', 'The reader.'],
        ['public.message_statuses.conversation_id', 'Conversation of the message; set by a trigger if left out.'],
        ['public.message_statuses.status', 'sent, failed, delivered or read; never lowered.'],
        ['public.message_statuses.delivered_at', 'First report of delivery.'],
        ['public.message_statuses.read_at', 'First report of reading.'],
        ['public.message_statuses.failed_at', 'First report of failure.'],
        ['public.message_statuses.error_code', 'Why delivery failed.'],
        ['public.message_statuses.reactions', 'The reader''s reactions, at most 20.'],
        ['public.message_statuses.reacted_at', 'Last change of the reactions.'],
        ['public.message_statuses.created_at', 'When the first report arrived.'],
        ['public.message_statuses.updated_at', 'Last change, set by a trigger.'],
        ['public.messages.id', 'UUIDv7, which determines the month. Page with id < $cursor order by id desc. If the client creates it, it is the idempotency key.'],
        ['public.messages.conversation_id', 'Conversation of the message.'],
        ['public.messages.sender_id', 'Sender; null for a system message.'],
        ['public.messages.content_encrypted', 'Ciphertext, at most 64 kB; null once deleted. The server cannot read it.'],
        ['public.messages.content_nonce', 'Nonce of the cipher, where it is not part of the ciphertext.'],
        ['public.messages.content_algorithm', 'The cipher, for example xsalsa20-poly1305.'],
        ['public.messages.key_version', 'Version of the conversation key it is encrypted with.'],
        ['public.messages.sender_key_id', 'Public key of the sender in use. No foreign key: keys may be deleted.'],
        ['public.messages.message_type', 'text, image, file, audio, video or system.'],
        ['public.messages.reply_to_id', 'Message that this one replies to, in the same conversation; null after that is deleted, kept while its month is detached or dropped.'],
        ['public.messages.edited_at', 'Last edit.'],
        ['public.messages.edit_count', 'How often it was edited.'],
        ['public.messages.edit_history', 'Earlier ciphertexts, oldest first, at most 50; emptied by erasure.'],
        ['public.messages.is_deleted', 'Whether it is deleted for everybody; the row is kept so that replies keep their place.'],
        ['public.messages.deleted_at', 'When it was deleted.'],
        ['public.messages.deleted_by', 'Who deleted it: the sender or a moderator. No foreign key: users are never deleted while they take part.'],
        ['public.messages.expires_at', 'The message is deleted after this; null means never.'],
        ['public.messages.created_at', 'When it was sent, in whole milliseconds: the time in the id.'],
        ['public.messages.updated_at', 'Last change, set by a trigger.']
    ] loop
        begin
            execute format('comment on column %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
