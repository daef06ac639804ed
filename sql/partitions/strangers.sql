-- strangers: of a month that is to be attached, messages whose sender and statuses whose reader never took part.
-- Why: the triggers of the parent check rows one by one when they are stored; a month from an archive has never met them.
select
    (select count(*) from {messages} as m where m.sender_id is not null and not exists (
        select from public.conversation_participants as p where p.conversation_id = m.conversation_id and p.user_id = m.sender_id
    )),
    (select count(*) from {statuses} as s where not exists (
        select from public.conversation_participants as p where p.conversation_id = s.conversation_id and p.user_id = s.user_id
    ))
