-- defer_statuses: records the erasures of reactions that a hold prevents in a month that is attached again.
-- Why: as in sql/partitions/defer_statuses.sql; the erasures are values.
insert into chatschema.deferred_erasures (message_id, user_id, origin, erased_at)
select t.message_id, t.user_id, 'restore', (select min(e.erased_at) from {erased} as e (id, erased_at) where e.id in (t.message_id, t.user_id, t.conversation_id))
from {partition} as t
join {messages} as m on m.conversation_id = t.conversation_id and m.id = t.message_id
where (t.reactions <> '{{}}' or t.reacted_at is not null or t.error_code is not null) and {is_held}
    and (t.user_id = any ({users}::uuid[]) or t.conversation_id = any ({conversations}::uuid[]) or t.message_id = any ({said}::uuid[]))
on conflict do nothing
