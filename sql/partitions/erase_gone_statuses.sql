-- erase_gone_statuses: statuses whose message is not in the month any more, or whose erased reader is gone.
-- Why: as with their messages.
delete from {partition} as t
where not exists (select from {messages} as m where m.id = t.message_id)
    or not exists (select from public.users as u where u.id = t.user_id)
    and exists (select from chatschema.erasures as x where x.subject_type = 'user' and x.subject_id = t.user_id)
    and not exists (select from {messages} as m where m.id = t.message_id and {is_held})
