-- unlink_replies: replies whose message was deleted while their month was detached or dropped, and is not in a retired month.
-- Why: deleting a message unlinks its replies in attached months only.
update {partition} as r set reply_to_id = null
where r.reply_to_id is not null and ({in_attached_months})
    and not exists (select from public.messages as m where m.id = r.reply_to_id)
    and not exists (select from {partition} as m where m.id = r.reply_to_id)
