-- remember_released: the message of each attachment that is released.
-- Why: a restore of the month links them again.
insert into chatschema.released_attachments (attachment_id, message_id)
select * from unnest({ids}::uuid[], {messages}::uuid[])
on conflict (attachment_id) do update set message_id = excluded.message_id, released_at = clock_timestamp()
