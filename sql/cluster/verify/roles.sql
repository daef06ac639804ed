-- roles: on one node, each role, whether it may log in, and the roles it is a member of; `used` has those that tables and functions name,
-- with all of their members.
-- Why: Citus logs in to the workers as the role of the client, and a policy names roles.
with recursive used as (
    select distinct w.oid
    from (
        select c.relowner, c.relacl from pg_catalog.pg_dist_partition as p join pg_catalog.pg_class as c on c.oid = p.logicalrelid
        union all
        select c.relowner, a.attacl
        from pg_catalog.pg_dist_partition as p join pg_catalog.pg_class as c on c.oid = p.logicalrelid
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attacl is not null
        union all
        select p.proowner, p.proacl from pg_catalog.pg_proc as p where p.pronamespace = to_regnamespace('chatschema')
        union all
        select n.nspowner, n.nspacl from pg_catalog.pg_namespace as n where n.oid = to_regnamespace('chatschema')
    ) as o (owner, acl)
    cross join lateral (select o.owner union all select a.grantee from aclexplode(o.acl) as a) as w (oid)
    union
    select unnest(y.polroles) from pg_catalog.pg_dist_partition as p join pg_catalog.pg_policy as y on y.polrelid = p.logicalrelid
),
members as (
    select u.oid from used as u
    union
    select a.member from members as m join pg_catalog.pg_auth_members as a on a.roleid = m.oid
)
select jsonb_build_object(
    'roles', (
        select coalesce(jsonb_object_agg(quote_ident(r.rolname), jsonb_build_array(r.rolcanlogin, (
            select coalesce(jsonb_agg(quote_ident(g.rolname) order by g.rolname), '[]')
            from pg_catalog.pg_auth_members as m join pg_catalog.pg_roles as g on g.oid = m.roleid where m.member = r.oid
        ))), '{}')
        from pg_catalog.pg_roles as r
    ),
    'used', (
        select coalesce(jsonb_agg(quote_ident(r.rolname) order by r.rolname), '[]')
        from pg_catalog.pg_roles as r where r.oid in (select oid from members)
    )
)::text
