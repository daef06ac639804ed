-- purge_detached: messages of a detached month that are due to be purged, oldest first, a batch.
-- Why: as in sql/partitions/purge_detached.sql; joined by conversation, so that each shard answers for itself.
select m.conversation_id, m.id from {messages} as m
left join public.conversations as c on c.id = m.conversation_id
where m.id > {after} and (m.expires_at < now() or m.id < chatschema.uuid7_floor(now() - least(c.retention_days, 36500) * interval '1 day'))
    and not {is_held} and not {is_answered_by_held}
order by m.id
limit {batch}
