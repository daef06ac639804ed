-- access: roles with more rights than their work needs.
-- Why: Whoever takes over an application can do everything that its role may do. Row policies do not restrict a superuser or the
--   owner of a table, and both can drop the tables. If everybody may create objects in a schema, any role can add a function that
--   is found before yours.
-- Check create: PUBLIC may create objects in a schema, or schemas in the database.
-- Check superuser: an application is connected as a superuser.
-- Check owner: an application is connected as the owner of tables.
-- Threshold app_sessions = 5: sessions of one role and program that count as an application, not as a person
-- Fully: pg_read_all_stats
with recursive
table_tree as ({table_tree}),
owned as materialized (
    select c.relowner as role, count(*) as tables from table_tree as t join pg_catalog.pg_class as c on c.oid = t.root group by c.relowner
),
sessions as (
    select a.usesysid as role, a.usename, coalesce(a.application_name, '') as program, count(*) as sessions
    from pg_catalog.pg_stat_activity as a
    where a.backend_type = 'client backend' and a.datname = current_database() and a.pid <> pg_backend_pid()
        -- People and jobs use these programs as the owner on purpose.
        and coalesce(a.application_name, '') !~* '^(psql|pg_|pgbench|pgadmin|dbeaver|datagrip|postico|chatschema)'
    group by a.usesysid, a.usename, a.application_name
),
users as (
    select
        s.*, r.rolsuper as is_super, o.tables, format('%s (%s)', s.usename, coalesce(nullif(s.program, ''), 'no name')) as object
    from sessions as s
    join pg_catalog.pg_roles as r on r.oid = s.role
    left join owned as o on o.role = s.role
),
granted as (
    select
        format('schema %I', n.nspname) as object, format('revoke create on schema %I from public;', n.nspname) as fix,
        format('grant create on schema %I to public;', n.nspname) as undo, 'any role can add a function or table that is found before yours' as harm
    from pg_catalog.pg_namespace as n
    cross join lateral aclexplode(n.nspacl) as g
    where g.grantee = 0 and g.privilege_type = 'CREATE' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union all
    select
        format('database %I', d.datname), format('revoke create on database %I from public;', d.datname),
        format('grant create on database %I to public;', d.datname), 'any role can create schemas in it and fill the disk'
    from pg_catalog.pg_database as d
    cross join lateral aclexplode(d.datacl) as g
    where d.datname = current_database() and g.grantee = 0 and g.privilege_type = 'CREATE'
)
select
    u.object, u.sessions, u.is_super, coalesce(u.tables, 0) as owned_tables,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from users as u
union all
select g.object, null, null, null, 'warn', 'create', format('PUBLIC has the CREATE privilege: %s', g.harm), null, null, g.fix, g.undo
from granted as g
union all
select
    u.object, null, null, null, 'warn', case when u.is_super then 'superuser' else 'owner' end,
    format(
        case when u.is_super then '%s sessions are connected as a superuser: privileges and row policies do not restrict them' else '%s sessions are connected as the owner of %s tables: row policies do not restrict them, and they can drop the tables' end,
        u.sessions, u.tables
    ),
    u.sessions, {app_sessions},
    -- The group for applications comes first; then the report names it.
    case when a.app is null then 'chatschema roles apply' else format(
        E'-- then set its password in psql with \\password %1$I, and let the application log in as this role\n' || n.create_role || 'grant %2$I to %1$I;',
        n.name, a.app
    ) end,
    case when a.app is not null and n.create_role <> '' then format(E'drop owned by %1$I;\ndrop role %1$I;', n.name) end
from users as u
cross join lateral (
    select
        r.name,
        case when not exists (select from pg_catalog.pg_roles as o where o.rolname = r.name) then E'create role %1$I login;\n' else '' end as create_role
    from (select left(current_database(), 59) || '_api' as name) as r
) as n
left join (
    -- The group for applications, where chatschema roles apply was run.
    select left(g.rolname, -length('_readonly')) || '_app' as app from pg_catalog.pg_policy as p
    join pg_catalog.pg_roles as g on g.oid = any (p.polroles) and g.rolname ~ '_readonly$'
    where p.polrelid = to_regclass('public.users') and p.polname = 'users_readonly_select'
) as a on true
where (u.is_super or u.tables > 0) and u.sessions >= {app_sessions}
order by object
