-- purge_due: conversations with a message past their retention, and the first id that they keep.
-- Why: one query for all, with one index look-up each that stops at the first message; most have no message due.
select c.id, c.kept_from
from (
    select id, chatschema.uuid7_floor({at} - least(retention_days, 36500) * interval '1 day') as kept_from
    from public.conversations where retention_days is not null
) as c
cross join lateral (
    select from public.messages as m where m.conversation_id = c.id and m.id < c.kept_from limit 1
) as due
order by c.id
