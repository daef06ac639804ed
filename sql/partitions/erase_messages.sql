-- erase_messages: carries out the erasures of the time when the month was detached or dropped, before any session can read it.
-- Why: an archive is a copy. A message under a hold keeps its content: legally the hold has priority.
update {partition} as m
set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
    deleted_at = coalesce(m.deleted_at, e.erased_at), updated_at = clock_timestamp()
from (
    select distinct on (m.id) m.id, x.erased_at
    from {partition} as m
    join (
        select subject_type, subject_id, erased_at from chatschema.erasures
        -- A hold deferred it, and was released before the month was attached.
        union all select 'message', message_id, erased_at from chatschema.deferred_erasures where user_id is null
    ) as x
        on x.subject_type = 'user' and x.subject_id = m.sender_id
        or x.subject_type = 'conversation' and x.subject_id = m.conversation_id
        or x.subject_type = 'message' and x.subject_id = m.id
    where (m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted)
        and not {is_held}
    order by m.id, x.erased_at
) as e
where m.id = e.id
