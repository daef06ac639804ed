-- take: the oldest rows of the outbox, at most {size}, which leave it; as one document.
-- Why: they leave it in the transaction in which the coordinator stores them, so each arrives once.
with taken as (
    delete from chatschema.outbox as o where o.id in (select i.id from chatschema.outbox as i order by i.id limit {size})
    returning o.id, o.target, o.entry, o.recorded_at, o.recorded_by
)
select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]'), count(*) from taken as t
