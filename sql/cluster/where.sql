-- where: each table of chatschema and of the application, where it lives, and in how many shards; months go with their table.
-- Why: a join of tables that live at different places is refused, or sends rows from node to node.
select format('%I.%I', n.nspname, c.relname),
    case when p.logicalrelid is null then 'coordinator'
        when p.partmethod = 'h' then 'by ' || pg_catalog.column_to_column_name(p.logicalrelid, p.partkey)
        else 'every node' end,
    (select count(*) from pg_catalog.pg_dist_shard as s where s.logicalrelid = c.oid and p.logicalrelid is not null)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_dist_partition as p on p.logicalrelid = c.oid
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname in ('public', 'chatschema')
    and not exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by p.logicalrelid is null, p.partmethod, 1
