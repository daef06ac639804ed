-- columns: columns of the distributed tables that are numbered by a sequence: identity, serial, or a default with nextval().
-- Why: a distributed table counts on each node for itself, in a range of its own; the numbers have gaps and no order.
select format('%I.%I', n.nspname, c.relname) as table_name, a.attname::text as name, a.attidentity <> '' as is_identity
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid in (select to_regclass('public.' || m.name) from unnest({moving}::text[]) as m (name))
    and a.attnum > 0 and not a.attisdropped
    and (a.attidentity <> '' or exists (
        select from pg_catalog.pg_depend as p
        join pg_catalog.pg_class as s on s.oid = p.refobjid and s.relkind = 'S'
        where p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_class'::regclass
    ))
order by 1, 2
/* chatschema */
