-- build_keys: DDL, in order, for the keys, unique constraints and indexes of the parent that a bare table of a month has not.
-- Why: ATTACH adopts a key only if the table has it as a constraint; for a plain unique index it would build a second one.
select ddl
from (
    select 1 as step, k.oid::bigint as position, format('alter table %%s add %%s', to_regclass(%(table)s), pg_get_constraintdef(k.oid)) as ddl
    from pg_catalog.pg_constraint as k
    where k.conrelid = to_regclass(%(parent)s) and k.contype in ('p', 'u')
        and not exists (
            select from pg_catalog.pg_constraint as c
            where c.conrelid = to_regclass(%(table)s) and c.contype = k.contype and pg_get_constraintdef(c.oid) = pg_get_constraintdef(k.oid)
        )
    union all
    -- The definition of an index without its own name and its table's.
    select 2, i.indexrelid::bigint, format('create %%sindex on %%s%%s', case when i.indisunique then 'unique ' else '' end,
        to_regclass(%(table)s), substring(pg_get_indexdef(i.indexrelid) from ' USING .*$'))
    from pg_catalog.pg_index as i
    where i.indrelid = to_regclass(%(parent)s)
        and not exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))
        and not exists (
            select from pg_catalog.pg_index as c
            where c.indrelid = to_regclass(%(table)s) and c.indisvalid and c.indisunique = i.indisunique
                and substring(pg_get_indexdef(c.indexrelid) from ' USING .*$') = substring(pg_get_indexdef(i.indexrelid) from ' USING .*$')
        )
) as missing
order by step, position
