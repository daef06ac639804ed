-- deferred: erasures that a hold deferred and no hold defers any more, of attached months.
-- Why: a release removes nothing by itself; maintain and purge erase these.
select d.message_id, d.user_id, d.origin, d.erased_at
from chatschema.deferred_erasures as d
join public.messages as m on m.id = d.message_id
where not {is_held}
order by d.message_id, d.user_id
limit {batch}
