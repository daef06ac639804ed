-- purge: messages of one conversation that are older than it keeps them, or that have expired; their statuses go with them.
-- Why: a conversation may ask for less than a month's table gives. Small batches, and no waiting for a row that is in use.
select m.id from public.messages as m
where {due} and not {is_held} and not {is_answered_by_held}
order by m.id
limit {batch}
for update skip locked
