-- relink_attachments: links attachments to their messages again when a month is restored, a thousand at a time.
-- Why: only attachments that still exist and are still released; not those of erased messages, unless a hold covers them. An
-- attachment that was not linked stays recorded for the next restore. Those whose row or file was removed are returned.
with batch as (
    select attachment_id, message_id from chatschema.released_attachments
    where message_id > {after} and message_id < {upper} order by message_id limit 1000
), relinked as (
    update public.attachments as a set message_id = b.message_id
    from batch as b
    join public.messages as m on m.id = b.message_id and m.id >= {lower} and m.id < {upper}
    where a.id = b.attachment_id and a.message_id is null and a.state <> 'deleted' and a.conversation_id = m.conversation_id
        and not exists (select from public.attachments as o where o.message_id = b.message_id)
        and (
            {is_held} or not exists (
                select from chatschema.erasures as x
                where x.subject_type = 'user' and x.subject_id = m.sender_id
                    or x.subject_type = 'conversation' and x.subject_id = m.conversation_id
                    or x.subject_type = 'message' and x.subject_id = m.id
            )
        )
    returning a.id
), collected as (
    select b.attachment_id as id from batch as b
    where not exists (select from public.attachments as a where a.id = b.attachment_id and a.state <> 'deleted')
), forgotten as (
    delete from chatschema.released_attachments as r using batch as b
    where r.attachment_id = b.attachment_id
        and (r.attachment_id in (select id from relinked) or r.attachment_id in (select id from collected))
)
select
    (select message_id from batch order by message_id desc limit 1),
    (select count(*) from relinked),
    (select coalesce(array_agg(id order by id), array[]::uuid[]) from collected)
