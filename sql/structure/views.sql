-- views: the columns of each view, in their order, and what depends on it, in words.
-- Why: a view is replaced while others use it only if its columns stay and new ones follow them.
select format('%I.%I', n.nspname, c.relname),
    array(
        select format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
        from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 order by a.attnum
    ),
    array(
        select distinct regexp_replace(pg_describe_object(d.classid, d.objid, 0), '^rule .* on ', '')
        from pg_catalog.pg_depend as d
        where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid and d.deptype = 'n'
            and not exists (select from pg_catalog.pg_rewrite as r where r.oid = d.objid and r.ev_class = c.oid)
        order by 1
    )
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'v' and n.nspname in ('public', 'chatschema')
order by 1
