-- purge_detached_attachments: unlinks the attachments of purged messages.
-- Why: the file collector removes their files.
update public.attachments as a set message_id = null
where a.conversation_id = any ({conversations}::uuid[]) and a.message_id = any ({ids}::uuid[])
