-- delete_detached: messages of a detached month with their statuses; replies are unlinked, attachments released.
-- Why: the triggers of the parents do not fire for a detached month.
with statuses as (
    delete from {statuses} as s where s.message_id = any ({ids})
), replies as (
    update {messages} as r set reply_to_id = null where r.reply_to_id = any ({ids}) and r.id <> all ({ids})
), later_replies as (
    update public.messages as r set reply_to_id = null where r.reply_to_id = any ({ids})
), attachments as (
    update public.attachments as a set message_id = null where a.message_id = any ({ids})
)
delete from {messages} as m where m.id = any ({ids})
