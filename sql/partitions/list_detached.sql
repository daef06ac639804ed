-- list_detached: tables of months that are not attached; found by the check on their bounds, whatever its name.
-- Why: a table that was detached and then forgotten uses disk space, and no policy or grant of its parent covers it.
with unattached as materialized (
    -- Select these first, in their own step: printing a check opens and locks its table.
    select c.relname as name, b.oid as check_oid, case key.attname when 'message_id' then 'message_statuses' else 'messages' end as parent
    from pg_catalog.pg_class as c
    join pg_catalog.pg_constraint as b on b.conrelid = c.oid and b.contype = 'c' and cardinality(b.conkey) = 1
    join pg_catalog.pg_attribute as key on key.attrelid = c.oid and key.attnum = any (b.conkey)
    where c.relnamespace = to_regnamespace('chat_partitions') and c.relkind = 'r' and not c.relispartition
        and c.relname !~ '_held$' and key.attname in ('id', 'message_id')
)
select distinct on (3, 1, name)
    parent,
    name,
    chatschema.uuid7_time((bounds.parts)[1]::uuid) as lower,
    chatschema.uuid7_time((bounds.parts)[2]::uuid) as upper
from unattached
cross join lateral (
    select regexp_match(pg_get_constraintdef(check_oid), 'id >= ''([0-9a-f-]{36})''.*id < ''([0-9a-f-]{36})''')
) as bounds (parts)
where bounds.parts is not null
order by 3, 1 desc, name
