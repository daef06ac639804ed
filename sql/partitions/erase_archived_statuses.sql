-- erase_archived_statuses: erases the reactions of a subject from the loaded copy of an archive.
-- Why: as for the messages in erase_archived_messages.
update {table} as s
set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = clock_timestamp()
where {is_meant} and (s.reactions <> '{{}}' or s.reacted_at is not null or s.error_code is not null)
