-- erase_deferred_files: unlinks the attachments of messages that a restore had brought back under a hold.
-- Why: as in sql/partitions/erase_deferred.sql; the erasures are values.
update public.attachments as a set message_id = null
where a.conversation_id = any ({conversations}::uuid[]) and a.message_id = any ({restored}::uuid[])
