-- guarded: what a distributed database rests on: functions, keys, policies and triggers in their form for shards, and tables in their places.
-- Why: a migration that changes one of them would undo that form, and the way back would undo the migration.
with moved as materialized (
    select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind
    from unnest({tables}::text[]) as w (name)
    join pg_catalog.pg_class as c on c.oid = to_regclass(w.name)
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
)
select format('function chatschema.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as object,
    md5(pg_get_functiondef(p.oid)) as definition
from pg_catalog.pg_proc as p
where p.pronamespace = 'chatschema'::regnamespace and p.prokind = 'f' and p.proname = any ({functions}::text[])
union all
select format('key %s.%I', m.name, o.conname), pg_get_constraintdef(o.oid)
from moved as m join pg_catalog.pg_constraint as o on o.conrelid = m.oid
where o.contype in ('p', 'u') and o.conname = any ({keys}::text[])
union all
select format('policy %s.%I', m.name, p.polname),
    concat_ws(' ', p.polcmd::text, p.polpermissive::text, p.polroles::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
from moved as m join pg_catalog.pg_policy as p on p.polrelid = m.oid
where format('%s %I', m.name, p.polname) = any ({own}::text[])
union all
select format('trigger %s.%I', m.name, t.tgname), concat_ws(' ', t.tgfoid::text, t.tgtype::text, t.tgenabled::text)
from moved as m join pg_catalog.pg_trigger as t on t.tgrelid = m.oid and not t.tgisinternal
where format('%s %I', m.name, t.tgname) = any ({own}::text[])
union all
select format('table %s', m.name), m.relkind::text from moved as m
union all
-- Nothing of a distributed database may refer to rows that are not on its node.
select format('foreign key %I.%I.%I', n.nspname, c.relname, o.conname), 'none'
from pg_catalog.pg_constraint as o
join pg_catalog.pg_class as c on c.oid = o.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_dist_partition as d on d.logicalrelid = o.confrelid and d.partmethod = 'h'
where o.contype = 'f' and o.conparentid = 0
    and not exists (select from pg_catalog.pg_dist_partition as own where own.logicalrelid = o.conrelid)
