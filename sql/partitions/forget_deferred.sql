-- forget_deferred: deletes deferred erasures whose message was deleted from an attached month.
-- Why: a deleted message has no content left to erase. If its month is not attached, the message may still exist there.
delete from chatschema.deferred_erasures as d
where not exists (select from public.messages as m where m.id = d.message_id)
    and exists (
        select from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid = i.inhrelid
        cross join lateral regexp_match(
            pg_get_expr(c.relpartbound, 0), 'FROM \(''([0-9a-f-]{{36}})''\) TO \(''([0-9a-f-]{{36}})''\)'
        ) as bounds (parts)
        where i.inhparent = 'public.messages'::regclass and not i.inhdetachpending
            and (bounds.parts)[1]::uuid <= d.message_id and d.message_id < (bounds.parts)[2]::uuid
    )
