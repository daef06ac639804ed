-- erase_archived_messages: erases the messages of a subject from the loaded copy of an archive.
-- Why: an archive is a copy; an erasure that misses a copy is none.
update {table} as m
set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
    deleted_at = coalesce(m.deleted_at, date_trunc('milliseconds', clock_timestamp())), updated_at = clock_timestamp()
where {is_meant} and (
    m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted
)
