-- count_released: attachments of a month whose message is remembered.
-- Why: so many lost their message with it, and so many look for it when it comes back.
select count(*) from chatschema.released_attachments where message_id >= {lower} and message_id < {upper}
