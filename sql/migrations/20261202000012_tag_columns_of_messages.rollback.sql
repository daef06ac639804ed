-- comments: without the line about personal data, of the columns of messages, message_statuses, attachments.
-- Why: undoes 20261202000012_tag_columns_of_messages.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
comment on column public.attachments.id is 'UUIDv7.';
comment on column public.attachments.message_id is 'Message of the file; null before it is sent and after it is deleted.';
comment on column public.attachments.conversation_id is 'Conversation of the message; set by a trigger if left out.';
comment on column public.attachments.uploader_id is 'User who uploaded it.';
comment on column public.attachments.storage_provider is 'Which store: s3, gcs, disk, ...';
comment on column public.attachments.storage_key is 'The name in that store; no URL, no signature.';
comment on column public.attachments.file_name_encrypted is 'The file''s name as ciphertext.';
comment on column public.attachments.mime_type is 'Type of the content, as reported by the client.';
comment on column public.attachments.size_bytes is 'Size of the stored bytes.';
comment on column public.attachments.sha256 is 'SHA-256 of the stored bytes.';
comment on column public.attachments.is_encrypted is 'Whether the stored bytes are ciphertext.';
comment on column public.attachments.encryption_algorithm is 'The cipher of the stored bytes.';
comment on column public.attachments.encryption_nonce is 'Nonce of the cipher, where it is not part of the bytes.';
comment on column public.attachments.key_version is 'Version of the conversation key.';
comment on column public.attachments.state is 'pending, ready, quarantined or deleted.';
comment on column public.attachments.purged_at is 'When the stored bytes were removed.';
comment on column public.attachments.created_at is 'When the upload began.';
comment on column public.attachments.updated_at is 'Last change, set by a trigger.';

comment on column public.message_statuses.message_id is 'The message; its UUIDv7 determines the month.';
comment on column public.message_statuses.user_id is 'The reader.';
comment on column public.message_statuses.conversation_id is 'Conversation of the message; set by a trigger if left out.';
comment on column public.message_statuses.status is 'sent, failed, delivered or read; never lowered.';
comment on column public.message_statuses.delivered_at is 'First report of delivery.';
comment on column public.message_statuses.read_at is 'First report of reading.';
comment on column public.message_statuses.failed_at is 'First report of failure.';
comment on column public.message_statuses.error_code is 'Why delivery failed.';
comment on column public.message_statuses.reactions is 'The reader''s reactions, at most 20.';
comment on column public.message_statuses.reacted_at is 'Last change of the reactions.';
comment on column public.message_statuses.created_at is 'When the first report arrived.';
comment on column public.message_statuses.updated_at is 'Last change, set by a trigger.';

comment on column public.messages.id is 'UUIDv7, which determines the month. Page with id < $cursor order by id desc. If the client creates it, it is the idempotency key.';
comment on column public.messages.conversation_id is 'Conversation of the message.';
comment on column public.messages.sender_id is 'Sender; null for a system message.';
comment on column public.messages.content_encrypted is 'Ciphertext, at most 64 kB; null once deleted. The server cannot read it.';
comment on column public.messages.content_nonce is 'Nonce of the cipher, where it is not part of the ciphertext.';
comment on column public.messages.content_algorithm is 'The cipher, for example xsalsa20-poly1305.';
comment on column public.messages.key_version is 'Version of the conversation key it is encrypted with.';
comment on column public.messages.sender_key_id is 'Public key of the sender in use. No foreign key: keys may be deleted.';
comment on column public.messages.message_type is 'text, image, file, audio, video or system.';
comment on column public.messages.reply_to_id is 'Message that this one replies to, in the same conversation; null after that is deleted, kept while its month is detached or dropped.';
comment on column public.messages.edited_at is 'Last edit.';
comment on column public.messages.edit_count is 'How often it was edited.';
comment on column public.messages.edit_history is 'Earlier ciphertexts, oldest first, at most 50; emptied by erasure.';
comment on column public.messages.is_deleted is 'Whether it is deleted for everybody; the row is kept so that replies keep their place.';
comment on column public.messages.deleted_at is 'When it was deleted.';
comment on column public.messages.deleted_by is 'Who deleted it: the sender or a moderator. No foreign key: users are never deleted while they take part.';
comment on column public.messages.expires_at is 'The message is deleted after this; null means never.';
comment on column public.messages.created_at is 'When it was sent, in whole milliseconds: the time in the id.';
comment on column public.messages.updated_at is 'Last change, set by a trigger.';
