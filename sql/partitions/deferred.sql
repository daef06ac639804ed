-- deferred: deferred erasures of attached months that are no longer under a hold.
-- Why: releasing a hold removes nothing; maintain and purge carry out these erasures.
select d.message_id, d.user_id, d.origin, d.erased_at
from chatschema.deferred_erasures as d
join public.messages as m on m.id = d.message_id
where not {is_held}
order by d.message_id, d.user_id
limit {batch}
