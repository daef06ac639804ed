-- tables: all tables with rows of their own, and their columns by name, without those whose default is computed for each row.
-- Why: the rows of two databases that were made in the same way are compared; a time or a random id differs each time.
select format('%I.%I', n.nspname, c.relname),
    coalesce(
        string_agg(quote_ident(a.attname), ', ' order by a.attname) filter (
            where a.attgenerated <> '' or d.adbin is null or pg_get_expr(d.adbin, d.adrelid) !~ '\(' or pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\('
        ), ''
    )
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p') and c.relpersistence <> 't' and not c.relispartition
    and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
    and not (n.nspname = 'chatschema' and c.relname in (
        '_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'migrations', 'protection', 'seeds', 'seeded_rows',
        'schema_records', 'batches', 'kept_by_reset', 'applied_roles', 'repeatables'
    ))
    and not exists (
        select from pg_catalog.pg_depend as d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
group by n.nspname, c.relname
order by n.nspname, c.relname
