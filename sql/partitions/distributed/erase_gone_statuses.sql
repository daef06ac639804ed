-- erase_gone_statuses: deletes the statuses whose message was deleted while their month was away.
-- Why: as in sql/partitions/erase_gone_statuses.sql; by conversation, because a shard knows its own messages only.
delete from {partition} as t
where not exists (select from {messages} as m where m.conversation_id = t.conversation_id and m.id = t.message_id)
