-- erase_deferred_statuses: erases reactions that a hold had kept, once it is released.
-- Why: as in sql/partitions/erase_deferred.sql; the erasures are values.
update {statuses} as s
set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = {now}
from {read} as d (message_id, user_id)
where s.conversation_id = any ({conversations}::uuid[]) and s.message_id = d.message_id and s.user_id = d.user_id
