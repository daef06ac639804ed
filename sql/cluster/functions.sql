-- functions: each function of chatschema is created on every node.
-- Why: Citus creates those that a trigger names, and not those that they call.
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
end
$functions$;
