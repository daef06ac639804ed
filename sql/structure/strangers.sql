-- strangers: the objects of public that are neither recorded nor among {tables}: chatschema did not create them.
select f.object, f.name
from (
    select c.relname, format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and not c.relispartition
    union all
    select p.proname, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'public'
    union all
    select t.typname, format('%I.%I', n.nspname, t.typname)
    from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
    where n.nspname = 'public' and t.typtype in ('e', 'd')
) as f (name, object)
where f.name <> all ({tables}) and not exists (select from chatschema.schema_records as r where r.object = f.object and r.part_of is null)
