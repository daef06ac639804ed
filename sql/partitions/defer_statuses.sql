-- defer_statuses: reactions that were erased while their month was detached or dropped, and whose message is under a hold.
-- Why: as for the messages in defer_messages.
insert into chatschema.deferred_erasures (message_id, user_id, origin, erased_at)
select distinct on (t.message_id, t.user_id) t.message_id, t.user_id, 'restore', x.erased_at
from {partition} as t
join {messages} as m on m.id = t.message_id
join chatschema.erasures as x
    on x.subject_type = 'user' and x.subject_id = t.user_id
    or x.subject_type = 'conversation' and x.subject_id = t.conversation_id
    or x.subject_type = 'message' and x.subject_id = t.message_id
where (t.reactions <> '{{}}' or t.reacted_at is not null or t.error_code is not null) and {is_held}
order by t.message_id, t.user_id, x.erased_at
on conflict do nothing
