-- relink_attachments: attachments find their message again when its month comes back, a thousand at a time.
-- Why: only those that still exist, are still released and whose message was not erased meanwhile.
with returned as (
    delete from chatschema.released_attachments as r
    where r.attachment_id in (
        select attachment_id from chatschema.released_attachments
        where message_id >= {lower} and message_id < {upper} order by message_id limit 1000
    )
    returning r.attachment_id, r.message_id
), relinked as (
    update public.attachments as a set message_id = r.message_id
    from returned as r
    join public.messages as m on m.id = r.message_id and m.id >= {lower} and m.id < {upper}
    where a.id = r.attachment_id and a.message_id is null and a.state <> 'deleted' and a.conversation_id = m.conversation_id
        and not exists (
            select from chatschema.erasures as x
            where x.subject_type = 'user' and x.subject_id = m.sender_id
                or x.subject_type = 'conversation' and x.subject_id = m.conversation_id
                or x.subject_type = 'message' and x.subject_id = m.id
        )
    returning 1
)
select (select count(*) from returned), (select count(*) from relinked)
