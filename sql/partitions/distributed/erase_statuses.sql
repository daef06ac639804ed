-- erase_statuses: erases the reactions that were erased elsewhere while their month was away.
-- Why: as in sql/partitions/erase_statuses.sql; the erasures are values.
update {partition} as t
set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = {now}
where (t.reactions <> '{{}}' or t.reacted_at is not null or t.error_code is not null)
    and (t.user_id = any ({users}::uuid[]) or t.conversation_id = any ({conversations}::uuid[]) or t.message_id = any ({said}::uuid[]))
    and not exists (
        select from {messages} as m where m.conversation_id = t.conversation_id and m.id = t.message_id and {is_held}
    )
