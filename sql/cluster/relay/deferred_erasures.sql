-- deferred_erasures: tombstones of held messages, whose content is erased once the hold is released.
-- Why: the shard kept the content, and chatschema hold release looks here.
insert into chatschema.deferred_erasures (message_id, user_id, origin, erased_at)
select e.message_id, e.user_id, e.origin, e.erased_at
from jsonb_to_recordset({rows}::jsonb) as r (id uuid, target text, entry jsonb)
cross join lateral jsonb_to_record(r.entry) as e (message_id uuid, user_id uuid, origin text, erased_at timestamptz)
where r.target = 'deferred_erasures'
on conflict do nothing
