-- policies: the policies of the tables that leave the coordinator that ask a table, or call a function written in SQL.
-- Why: Citus applies policies on the shards, and refuses a subquery in them.
select
    format('%I.%I', n.nspname, c.relname) as table_name,
    p.polname::text as name,
    (
        select string_agg(distinct d.refobjid::regclass::text, ', ')
        from pg_catalog.pg_depend as d
        where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> p.polrelid
    ) as asked,
    (
        select string_agg(distinct d.refobjid::regproc::text, ', ')
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_proc as f on f.oid = d.refobjid
        join pg_catalog.pg_language as l on l.oid = f.prolang
        where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass and l.lanname = 'sql'
    ) as called
from pg_catalog.pg_policy as p
join pg_catalog.pg_class as c on c.oid = p.polrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where p.polrelid in (select to_regclass('public.' || m.name) from unnest({moving}::text[]) as m (name))
order by 1, 2
/* chatschema */
