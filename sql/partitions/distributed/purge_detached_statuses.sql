-- purge_detached_statuses: deletes the statuses of purged messages of a detached month.
-- Why: statements of several tables are refused, so each is its own.
delete from {statuses} as s where s.conversation_id = any ({conversations}::uuid[]) and s.message_id = any ({ids}::uuid[])
