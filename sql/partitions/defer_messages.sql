-- defer_messages: messages that were erased while their month was detached or dropped, and that a hold protects.
-- Why: they are erased after the release of the hold; without this record the content would stay forever.
insert into chatschema.deferred_erasures (message_id, origin, erased_at)
select distinct on (m.id) m.id, 'restore', x.erased_at
from {partition} as m
join chatschema.erasures as x
    on x.subject_type = 'user' and x.subject_id = m.sender_id
    or x.subject_type = 'conversation' and x.subject_id = m.conversation_id
    or x.subject_type = 'message' and x.subject_id = m.id
where (m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted)
    and {is_held}
order by m.id, x.erased_at
on conflict do nothing
