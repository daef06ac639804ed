-- forget_deferred: deferred erasures whose message is gone, and not only away with its month.
-- Why: what was deleted has nothing left to erase.
delete from chatschema.deferred_erasures as d
where not exists (select from public.messages as m where m.id = d.message_id)
    and not exists (
        select from chatschema.retired_months as r
        where r.month = date_trunc('month', chatschema.uuid7_time(d.message_id), 'UTC') and r.state <> 'attached'
    )
