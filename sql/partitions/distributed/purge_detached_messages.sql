-- purge_detached_messages: deletes the purged messages of a detached month.
-- Why: after what refers to them.
delete from {messages} as m where m.conversation_id = any ({conversations}::uuid[]) and m.id = any ({ids}::uuid[])
