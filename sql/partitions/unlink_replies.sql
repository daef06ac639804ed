-- unlink_replies: replies of a month whose message was deleted while the month was away, and did not leave with its own month.
-- Why: deleting a message unlinks its replies in attached months only.
update {partition} as r set reply_to_id = null
where r.reply_to_id is not null and ({in_attached_months})
    and not exists (select from public.messages as m where m.id = r.reply_to_id)
    and not exists (select from {partition} as m where m.id = r.reply_to_id)
