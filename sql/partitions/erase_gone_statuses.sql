-- erase_gone_statuses: deletes statuses whose message was deleted from the month, or whose erased reader was deleted.
-- Why: as for the messages in erase_gone_messages.
delete from {partition} as t
where not exists (select from {messages} as m where m.id = t.message_id)
    or not exists (select from public.users as u where u.id = t.user_id)
    and exists (select from chatschema.erasures as x where x.subject_type = 'user' and x.subject_id = t.user_id)
    and not exists (select from {messages} as m where m.id = t.message_id and {is_held})
