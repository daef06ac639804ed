-- functions: on one node, owner, rights and definition of each function of chatschema, and the rights to its schemas.
-- Why: a trigger on a shard runs the function of its node.
with rights as (
    select 'function' as kind, p.oid, a.privilege_type, a.grantee
    from pg_catalog.pg_proc as p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where p.pronamespace = to_regnamespace('chatschema') and a.grantee <> p.proowner
    union
    select 'schema', n.oid, a.privilege_type, a.grantee
    from pg_catalog.pg_namespace as n cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
    where a.grantee <> n.nspowner
),
granted as (
    select r.kind, r.oid, jsonb_agg(w.text order by w.text) as rights
    from rights as r
    cross join lateral (
        select format('%s to %s', lower(r.privilege_type), case r.grantee when 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(r.grantee)) end)
    ) as w (text)
    group by r.kind, r.oid
)
select jsonb_build_object(
    'functions', (
        select coalesce(jsonb_object_agg(p.oid::regprocedure::text, jsonb_build_array(
            pg_catalog.pg_get_functiondef(p.oid), quote_ident(pg_catalog.pg_get_userbyid(p.proowner)), coalesce(g.rights, '[]')
        )), '{}')
        from pg_catalog.pg_proc as p left join granted as g on g.kind = 'function' and g.oid = p.oid
        where p.pronamespace = to_regnamespace('chatschema') and p.prokind = 'f'
    ),
    'schemas', (
        select coalesce(jsonb_object_agg(quote_ident(n.nspname), coalesce(g.rights, '[]')), '{}')
        from pg_catalog.pg_namespace as n left join granted as g on g.kind = 'schema' and g.oid = n.oid
        where n.oid in (select c.relnamespace from pg_catalog.pg_dist_partition as p join pg_catalog.pg_class as c on c.oid = p.logicalrelid)
    )
)::text
