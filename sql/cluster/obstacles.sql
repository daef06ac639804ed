-- obstacles: other people's objects that keep tables from being distributed, as a code, a message and what to type.
-- Why: Citus would refuse them half-way, or the way back would lose them.
with moved as materialized (
    select w.name, w.name::regclass as oid from unnest({tables}::text[]) as w (name) where to_regclass(w.name) is not null
),
own as materialized (
    select c.oid from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'chatschema' or n.nspname || '.' || c.relname = 'public.auth_sessions'
)
select 'cluster.foreign-key' as code,
    format('foreign key %I of %s refers to %s, which would be distributed', o.conname, o.conrelid::regclass, o.confrelid::regclass) as message,
    format('declare where %1$s lives in the header of its migration (-- Cluster: by conversation_id), or: alter table %1$s drop constraint %2$I',
        o.conrelid::regclass, o.conname) as hint
from pg_catalog.pg_constraint as o
where o.contype = 'f' and o.conparentid = 0 and o.confrelid in (select oid from moved)
    and o.conrelid not in (select oid from moved) and o.conrelid not in (select oid from own)
union all
select 'cluster.foreign-key',
    format('foreign key %I of %s refers to %s, which stays on the coordinator', o.conname, o.conrelid::regclass, o.confrelid::regclass),
    format('alter table %s drop constraint %I', o.conrelid::regclass, o.conname)
from pg_catalog.pg_constraint as o
where o.contype = 'f' and o.conparentid = 0 and o.conrelid in (select oid from moved)
    and o.confrelid not in (select oid from moved) and o.confrelid not in (select oid from own)
union all
select 'cluster.policy', format('policy %I of %s is not chatschema''s and asks a table', p.polname, m.name),
    format('drop it, or let it compare with a setting that chatschema.enter() sets: drop policy %I on %s', p.polname, m.name)
from moved as m join pg_catalog.pg_policy as p on p.polrelid = m.oid
where m.name || ' ' || p.polname <> all ({policies}::text[])
    and (p.polqual::text || coalesce(p.polwithcheck::text, '') like '%{{SUBLINK%')
union all
select 'cluster.subscription', format('subscription %I writes to this database', s.subname),
    format('alter subscription %1$I disable; drop subscription %1$I', s.subname)
from pg_catalog.pg_subscription as s
where s.subdbid = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
order by 1, 2
