-- erase_gone_messages: messages whose conversation or sender is gone, where that was an erasure.
-- Why: their foreign key could never hold again, and the erasure says that they should not come back.
delete from {partition} as m
where not {is_held}
    and exists (
        select from chatschema.erasures as x
        where x.subject_type = 'conversation' and x.subject_id = m.conversation_id
            and not exists (select from public.conversations as c where c.id = m.conversation_id)
            or x.subject_type = 'user' and x.subject_id = m.sender_id
            and not exists (select from public.users as u where u.id = m.sender_id)
    )
