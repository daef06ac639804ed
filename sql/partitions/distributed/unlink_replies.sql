-- unlink_replies: takes the answered message from replies of a month that is attached again, where that message was deleted.
-- Why: as in sql/partitions/unlink_replies.sql; by conversation, because a shard knows its own messages only.
update {partition} as r set reply_to_id = null
where r.reply_to_id is not null and ({in_attached_months})
    and not exists (select from public.messages as m where m.conversation_id = r.conversation_id and m.id = r.reply_to_id)
    and not exists (select from {partition} as m where m.conversation_id = r.conversation_id and m.id = r.reply_to_id)
