-- attachments_to_release: attachments of a dropped month that still belong to a message of it, a batch.
-- Why: a statement that locks rows on all shards is refused; the update looks at the message again.
select a.conversation_id, a.id, a.message_id from public.attachments as a
where a.message_id >= {lower} and a.message_id < {upper} and not exists (select 1 from {kept} as k where k.id = a.message_id)
order by a.message_id
limit 1000
