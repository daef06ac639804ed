-- purge_detached_replies: takes the purged message from the replies of its own month.
-- Why: the reference would point to nothing.
update {messages} as r set reply_to_id = null
where r.conversation_id = any ({conversations}::uuid[]) and r.reply_to_id = any ({ids}::uuid[]) and r.id <> all ({ids}::uuid[])
