-- drop_gone_readers: deletes the statuses of users who were deleted while the month was away.
-- Why: as in sql/partitions/erase_gone_statuses.sql; the erasures are values.
delete from {partition} as t
where t.user_id = any ({gone_users}::uuid[])
    and not exists (
        select from {messages} as m where m.conversation_id = t.conversation_id and m.id = t.message_id and {is_held}
    )
