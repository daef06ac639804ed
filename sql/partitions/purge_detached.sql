-- purge_detached: messages of a detached month that are past their retention or have expired, before it is archived.
-- Why: an archive is a copy, and must not contain messages that are past their retention.
select m.id from {messages} as m
where m.id > {after}
    and (
        m.expires_at < now() or exists (
            select from public.conversations as c
            where c.id = m.conversation_id and m.id < chatschema.uuid7_floor(now() - least(c.retention_days, 36500) * interval '1 day')
        )
    )
    and not {is_held} and not {is_answered_by_held}
order by m.id
limit {batch}
