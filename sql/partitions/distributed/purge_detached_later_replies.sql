-- purge_detached_later_replies: takes the purged message from the replies of attached months.
-- Why: the reference would point to nothing.
update public.messages as r set reply_to_id = null
where r.conversation_id = any ({conversations}::uuid[]) and r.reply_to_id = any ({ids}::uuid[])
