-- fill: holds that are active, and direct conversations whose id is not made of their pair.
-- Why: triggers on shards look them up.
insert into chatschema.node_holds (id, conversation_id, user_id, low, high)
select h.id, h.conversation_id, h.user_id, chatschema.uuid7_floor(h.from_at), chatschema.uuid7_floor(h.to_at)
from chatschema.holds as h where h.released_at is null;
insert into chatschema.direct_pairs (direct_user_low, direct_user_high, conversation_id)
select c.direct_user_low, c.direct_user_high, c.id from public.conversations as c
where c.type = 'direct' and c.id <> chatschema.direct_id(c.direct_user_low, c.direct_user_high);
