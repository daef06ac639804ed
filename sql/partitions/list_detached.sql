-- list_detached: months that were attached once, or are not yet; known by the check that every month of ours carries.
-- Why: a table that was detached and then forgotten costs disk, and no policy or grant of its parent covers it.
select
    case key.attname when 'message_id' then 'message_statuses' else 'messages' end as parent,
    c.relname as name,
    chatschema.uuid7_time((bounds.parts)[1]::uuid) as lower,
    chatschema.uuid7_time((bounds.parts)[2]::uuid) as upper
from pg_catalog.pg_class as c
join pg_catalog.pg_constraint as b on b.conrelid = c.oid and b.contype = 'c' and b.conname = c.relname || '_bounds_check'
join pg_catalog.pg_attribute as key on key.attrelid = c.oid and key.attnum = any (b.conkey)
cross join lateral (
    select regexp_match(pg_get_constraintdef(b.oid), '>= ''([0-9a-f-]{36})''.* < ''([0-9a-f-]{36})''')
) as bounds (parts)
where c.relnamespace = to_regnamespace('chat_partitions') and c.relkind = 'r' and not c.relispartition
order by 3, 1 desc
