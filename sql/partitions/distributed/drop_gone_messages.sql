-- drop_gone_messages: deletes the messages of conversations and users that were deleted while their month was away.
-- Why: as in sql/partitions/erase_gone_messages.sql; the erasures are values.
delete from {partition} as m
where not {is_held} and (m.conversation_id = any ({gone_conversations}::uuid[]) or m.sender_id = any ({gone_users}::uuid[]))
