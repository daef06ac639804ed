-- to_relink: the next released attachments of a month, with their messages.
-- Why: the record is on the coordinator, the rows are on shards; statements of both are refused, so they are asked apart.
select attachment_id, message_id from chatschema.released_attachments
where message_id > {after} and message_id < {upper} order by message_id limit 1000
