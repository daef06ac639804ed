-- triggers: the triggers of the tables that leave the coordinator, and of their months, with the function that each calls.
-- Why: a trigger runs on the shard, where it sees no table of the coordinator; on a reference table it runs once on each node.
select format('%I.%I', n.nspname, c.relname) as table_name, t.tgname::text as name, t.tgfoid::regproc::text as function
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not t.tgisinternal and t.tgparentid = 0
    and (
        t.tgrelid in (select to_regclass('public.' || m.name) from unnest({moving}::text[]) as m (name))
        or t.tgrelid in (
            select h.inhrelid from pg_catalog.pg_inherits as h
            where h.inhparent in (select to_regclass('public.' || m.name) from unnest({moving}::text[]) as m (name))
        )
    )
order by 1, 2
/* chatschema */
