-- purge: messages of one conversation that are older than its retention, or that have expired; their statuses are deleted too.
-- Why: the retention of a conversation may be shorter than that of months. Small batches, which never wait for a locked row;
-- each begins after the last one (keyset pagination), because what is held would be looked at again in every batch.
select m.id, m.expires_at::text from public.messages as m
where {due} and {after} and not {is_held} and not {is_answered_by_held}
order by {order}
limit {batch}
for update skip locked
