-- comments: what personal data the columns of messages, message_statuses, attachments hold, in the last line of each.
-- Why: the record of processing (privacy register), exports, erasures and retention read what a column holds where the column is described.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['public.attachments.id', 'UUIDv7.
pii=none'],
        ['public.attachments.message_id', 'Message of the file; null before it is sent and after it is deleted.
pii=activity; purpose=files; basis=contract; keep=file'],
        ['public.attachments.conversation_id', 'Conversation of the message; set by a trigger if left out.
pii=activity; purpose=files; basis=contract; keep=file'],
        ['public.attachments.uploader_id', 'User who uploaded it.
pii=identity; purpose=files; basis=contract; keep=file'],
        ['public.attachments.storage_provider', 'Which store: s3, gcs, disk, ...
pii=none'],
        ['public.attachments.storage_key', 'The name in that store; no URL, no signature.
pii=content; purpose=files; basis=contract; keep=file'],
        ['public.attachments.file_name_encrypted', 'The file''s name as ciphertext.
pii=content; purpose=files; basis=contract; keep=file'],
        ['public.attachments.mime_type', 'Type of the content, as reported by the client.
pii=content; purpose=files; basis=contract; keep=file'],
        ['public.attachments.size_bytes', 'Size of the stored bytes.
pii=content; purpose=files; basis=contract; keep=file'],
        ['public.attachments.sha256', 'SHA-256 of the stored bytes.
pii=content; purpose=files; basis=contract; keep=file'],
        ['public.attachments.is_encrypted', 'Whether the stored bytes are ciphertext.
pii=none'],
        ['public.attachments.encryption_algorithm', 'The cipher of the stored bytes.
pii=none'],
        ['public.attachments.encryption_nonce', 'Nonce of the cipher, where it is not part of the bytes.
pii=content; purpose=files; basis=contract; keep=file'],
        ['public.attachments.key_version', 'Version of the conversation key.
pii=none'],
        ['public.attachments.state', 'pending, ready, quarantined or deleted.
pii=none'],
        ['public.attachments.purged_at', 'When the stored bytes were removed.
pii=none'],
        ['public.attachments.created_at', 'When the upload began.
pii=activity; purpose=files; basis=contract; keep=file'],
        ['public.attachments.updated_at', 'Last change, set by a trigger.
pii=none'],
        ['public.message_statuses.message_id', 'The message; its UUIDv7 determines the month.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.user_id', 'The reader.
pii=identity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.conversation_id', 'Conversation of the message; set by a trigger if left out.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.status', 'sent, failed, delivered or read; never lowered.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.delivered_at', 'First report of delivery.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.read_at', 'First report of reading.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.failed_at', 'First report of failure.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.error_code', 'Why delivery failed.
pii=device; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.reactions', 'The reader''s reactions, at most 20.
pii=content; purpose=chat; basis=contract; keep=message'],
        ['public.message_statuses.reacted_at', 'Last change of the reactions.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.message_statuses.created_at', 'When the first report arrived.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.message_statuses.updated_at', 'Last change, set by a trigger.
pii=activity; purpose=delivery; basis=contract; keep=message'],
        ['public.messages.id', 'UUIDv7, which determines the month. Page with id < $cursor order by id desc. If the client creates it, it is the idempotency key.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.conversation_id', 'Conversation of the message.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.sender_id', 'Sender; null for a system message.
pii=identity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.content_encrypted', 'Ciphertext, at most 64 kB; null once deleted. The server cannot read it.
pii=content; purpose=chat; basis=contract; keep=message'],
        ['public.messages.content_nonce', 'Nonce of the cipher, where it is not part of the ciphertext.
pii=content; purpose=encryption; basis=contract; keep=message'],
        ['public.messages.content_algorithm', 'The cipher, for example xsalsa20-poly1305.
pii=none'],
        ['public.messages.key_version', 'Version of the conversation key it is encrypted with.
pii=none'],
        ['public.messages.sender_key_id', 'Public key of the sender in use. No foreign key: keys may be deleted.
pii=identity; purpose=encryption; basis=contract; keep=message'],
        ['public.messages.message_type', 'text, image, file, audio, video or system.
pii=content; purpose=chat; basis=contract; keep=message'],
        ['public.messages.reply_to_id', 'Message that this one replies to, in the same conversation; null after that is deleted, kept while its month is detached or dropped.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.edited_at', 'Last edit.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.edit_count', 'How often it was edited.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.edit_history', 'Earlier ciphertexts, oldest first, at most 50; emptied by erasure.
pii=content; purpose=chat; basis=contract; keep=message'],
        ['public.messages.is_deleted', 'Whether it is deleted for everybody; the row is kept so that replies keep their place.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.deleted_at', 'When it was deleted.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.deleted_by', 'Who deleted it: the sender or a moderator. No foreign key: users are never deleted while they take part.
pii=identity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.expires_at', 'The message is deleted after this; null means never.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.created_at', 'When it was sent, in whole milliseconds: the time in the id.
pii=activity; purpose=chat; basis=contract; keep=message'],
        ['public.messages.updated_at', 'Last change, set by a trigger.
pii=activity; purpose=chat; basis=contract; keep=message']
    ] loop
        begin
            execute format('comment on column %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
