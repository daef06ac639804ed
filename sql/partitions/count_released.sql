-- count_released: attachments of a dropped month whose message is recorded.
-- Why: they lost their message when the month was dropped, and are linked again when it is restored.
select count(*) from chatschema.released_attachments where message_id >= {lower} and message_id < {upper}
