-- release_attachments: takes the message from the attachments of a batch.
-- Why: by conversation, so that only their shards are asked.
update public.attachments as a set message_id = null
where a.conversation_id = any ({conversations}::uuid[]) and a.id = any ({ids}::uuid[]) and a.message_id = any ({messages}::uuid[])
