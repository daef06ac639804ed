-- erase_deferred_messages: erases contents that a hold had kept, once it is released.
-- Why: as in sql/partitions/erase_deferred.sql; the erasures are values.
update {messages} as m
set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
    deleted_at = coalesce(
        m.deleted_at, (select e.erased_at from {erased} as e (id, erased_at) where e.id = m.id)
    ),
    updated_at = {now}
where m.conversation_id = any ({conversations}::uuid[]) and m.id = any ({ids}::uuid[])
    -- If the application has undone its delete, the message is not deleted any more.
    and (m.id = any ({restored}::uuid[]) or m.is_deleted)
    and (m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted)
