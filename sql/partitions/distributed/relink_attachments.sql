-- relink_attachments: links a batch of attachments to their messages again.
-- Why: as in sql/partitions/relink_attachments.sql; by conversation, because a shard knows its own messages only.
update public.attachments as a set message_id = m.id
from public.messages as m, {released} as b (attachment_id, message_id)
where a.id = b.attachment_id and a.message_id is null and a.state <> 'deleted'
    and m.conversation_id = a.conversation_id and m.id = b.message_id and m.id >= {lower} and m.id < {upper}
    and ({is_held} or not (m.id = any ({gone}::uuid[]) or m.sender_id = any ({gone}::uuid[]) or m.conversation_id = any ({gone}::uuid[])))
    and not exists (select from public.attachments as o where o.conversation_id = m.conversation_id and o.message_id = m.id)
returning a.id
