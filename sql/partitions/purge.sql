-- purge: messages of one conversation that are older than its retention, or that have expired; their statuses are deleted too.
-- Why: the retention of a conversation may be shorter than that of months. Small batches, which never wait for a locked row.
select m.id from public.messages as m
where {due} and not {is_held} and not {is_answered_by_held}
order by m.id
limit {batch}
for update skip locked
