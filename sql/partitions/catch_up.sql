-- catch_up: DDL, in order, for the columns, not null, checks and indexes that the parent has received since the detach.
-- Why: ATTACH would build a missing index while it holds the locks that writers wait for, and fail for the others.
select step, ddl
from (
    select 1 as step, a.attnum as position,
        format('alter table %%s add column %%I %%s%%s%%s%%s', to_regclass(%(table)s), a.attname, format_type(a.atttypid, a.atttypmod),
            ' collate ' || nullif(quote_ident(cn.nspname) || '.' || quote_ident(co.collname), 'pg_catalog."default"'),
            ' default ' || pg_get_expr(d.adbin, d.adrelid), case when a.attnotnull then ' not null' else '' end) as ddl
    from pg_catalog.pg_attribute as a
    left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join pg_catalog.pg_collation as co on co.oid = a.attcollation
    left join pg_catalog.pg_namespace as cn on cn.oid = co.collnamespace
    where a.attrelid = to_regclass(%(parent)s) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        and not exists (
            select from pg_catalog.pg_attribute as c
            where c.attrelid = to_regclass(%(table)s) and c.attname = a.attname and not c.attisdropped
        )
    union all
    select 2, a.attnum, format('alter table %%s alter column %%I set not null', to_regclass(%(table)s), a.attname)
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_attribute as c on c.attrelid = to_regclass(%(table)s) and c.attname = a.attname and not c.attisdropped
    where a.attrelid = to_regclass(%(parent)s) and a.attnum > 0 and not a.attisdropped and a.attnotnull and not c.attnotnull
    union all
    select 3, k.oid::bigint, format('alter table %%s add constraint %%I %%s', to_regclass(%(table)s), k.conname, pg_get_constraintdef(k.oid))
    from pg_catalog.pg_constraint as k
    where k.conrelid = to_regclass(%(parent)s) and k.contype = 'c'
        and not exists (
            select from pg_catalog.pg_constraint as c where c.conrelid = to_regclass(%(table)s) and c.conname = k.conname
        )
    union all
    -- The definition of an index without its own name and its table's.
    select 4, i.indexrelid::bigint, format('create %%sindex on %%s%%s', case when i.indisunique then 'unique ' else '' end,
        to_regclass(%(table)s), substring(pg_get_indexdef(i.indexrelid) from ' USING .*$'))
    from pg_catalog.pg_index as i
    where i.indrelid = to_regclass(%(parent)s)
        and not exists (
            select from pg_catalog.pg_index as c
            where c.indrelid = to_regclass(%(table)s) and c.indisvalid
                and substring(pg_get_indexdef(c.indexrelid) from ' USING .*$') = substring(pg_get_indexdef(i.indexrelid) from ' USING .*$')
                and c.indisunique = i.indisunique
        )
) as missing
order by step, position
