-- purge_due: conversations with a message that is older than they keep theirs, and the id that their messages are kept from.
-- Why: one query for all of them, each a look-up by index that ends at the first message; most have nothing due.
select c.id, c.kept_from
from (
    select id, chatschema.uuid7_floor(now() - least(retention_days, 36500) * interval '1 day') as kept_from
    from public.conversations where retention_days is not null
) as c
cross join lateral (
    select from public.messages as m where m.conversation_id = c.id and m.id < c.kept_from limit 1
) as due
order by c.id
