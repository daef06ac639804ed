-- count_replies: replies, in attached months, to messages of a dropped month.
-- Why: they keep the id that they answer, which is valid again after a restore; the output shows their number.
select count(*) from public.messages
where reply_to_id >= {lower} and reply_to_id < {upper} and id >= {upper}
