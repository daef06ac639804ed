-- defer_messages: records the erasures that a hold prevents in a month that is attached again.
-- Why: as in sql/partitions/defer_messages.sql; the erasures are values.
insert into chatschema.deferred_erasures (message_id, origin, erased_at)
select m.id, 'restore', (select min(e.erased_at) from {erased} as e (id, erased_at) where e.id in (m.id, m.sender_id, m.conversation_id))
from {partition} as m
where (m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted)
    and {is_held}
    and (m.sender_id = any ({users}::uuid[]) or m.conversation_id = any ({conversations}::uuid[]) or m.id = any ({said}::uuid[]))
on conflict do nothing
