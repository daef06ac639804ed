-- count_replies: answers, in months that stay, to messages of a month that has left.
-- Why: they keep the id they answer, which is good again when the month comes back; here is how many.
select count(*) from public.messages
where reply_to_id >= {lower} and reply_to_id < {upper} and id >= {upper}
