-- raises: the functions that raise errors, with their comment, and the triggers that call them with theirs, those of months once each.
-- Why: an error of a trigger has the trigger's name as constraint; one that is called otherwise names itself.
select p.proname::text as function, p.prosrc as body, coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
    t.names, t.tables, t.comments
from pg_catalog.pg_proc as p
left join lateral (
    select array_agg(d.name order by d.name, d.table_name) as names, array_agg(d.table_name order by d.name, d.table_name) as tables,
        array_agg(d.comment order by d.name, d.table_name) as comments
    from (
        select distinct g.tgname::text as name, n.nspname || '.' || c.relname as table_name,
            obj_description(g.oid, 'pg_trigger') as comment
        from pg_catalog.pg_trigger as g
        left join pg_catalog.pg_inherits as i on i.inhrelid = g.tgrelid
        join pg_catalog.pg_class as c on c.oid = coalesce(i.inhparent, g.tgrelid)
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where g.tgfoid = p.oid and g.tgparentid = 0 and not g.tgisinternal
    ) as d
) as t on true
where p.pronamespace = 'chatschema'::regnamespace and p.prosrc ~ 'raise exception'
order by 1
