-- functions: each function of chatschema is created on every node.
-- Why: Citus creates those that a trigger names, and not those that they call; and it passes on who may execute one, but not that PUBLIC may not.
do $functions$
declare
    one record;
begin
    for one in
        select p.oid::regprocedure::text as name from pg_catalog.pg_proc as p
        where p.pronamespace = 'chatschema'::regnamespace and p.prokind = 'f'
            and not exists (
                select from pg_catalog.pg_dist_object as o where o.classid = 'pg_catalog.pg_proc'::regclass and o.objid = p.oid
            )
        order by 1
    loop
        perform create_distributed_function(one.name::regprocedure);
    end loop;
    for one in
        select p.oid::regprocedure::text as name from pg_catalog.pg_proc as p
        where p.pronamespace = 'chatschema'::regnamespace and p.prokind = 'f'
            and not exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee = 0)
        order by 1
    loop
        execute format('revoke all on function %s from public', one.name);
    end loop;
end
$functions$;
