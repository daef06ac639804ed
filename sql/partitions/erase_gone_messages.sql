-- erase_gone_messages: deletes messages whose conversation or sender was deleted, if that was a recorded erasure.
-- Why: their foreign key can never be valid again, and an erased message must not be restored.
delete from {partition} as m
where not {is_held}
    and exists (
        select from chatschema.erasures as x
        where x.subject_type = 'conversation' and x.subject_id = m.conversation_id
            and not exists (select from public.conversations as c where c.id = m.conversation_id)
            or x.subject_type = 'user' and x.subject_id = m.sender_id
            and not exists (select from public.users as u where u.id = m.sender_id)
    )
