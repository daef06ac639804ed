-- erase_messages: erases the contents that were erased elsewhere while their month was away.
-- Why: as in sql/partitions/erase_messages.sql; the erasures are values.
update {partition} as m
set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
    deleted_at = coalesce(m.deleted_at, (select min(e.erased_at) from {erased} as e (id, erased_at) where e.id in (m.id, m.sender_id, m.conversation_id))),
    updated_at = {now}
where (m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted)
    and not {is_held}
    and (m.sender_id = any ({users}::uuid[]) or m.conversation_id = any ({conversations}::uuid[]) or m.id = any ({said}::uuid[]))
