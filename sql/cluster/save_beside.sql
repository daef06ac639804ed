-- save_beside: functions over the row type of a table that comes back, and owners, grants and comments of views that read one.
-- Why: undistribute_table() creates each table again, and drops these with the old one.
insert into chatschema.before_cluster (kind, object, statement)
with moved as materialized (
    select w.name::regclass::oid as oid from unnest({tables}::text[]) as w (name)
),
beside as materialized (
    select distinct p.oid from moved as m
    join pg_catalog.pg_class as c on c.oid = m.oid
    join pg_catalog.pg_depend as d on d.refclassid = 'pg_type'::regclass and d.refobjid = c.reltype and d.classid = 'pg_proc'::regclass
    join pg_catalog.pg_proc as p on p.oid = d.objid
),
views as materialized (
    select distinct r.ev_class as oid from moved as m
    join pg_catalog.pg_depend as d on d.refclassid = 'pg_class'::regclass and d.refobjid = m.oid and d.classid = 'pg_rewrite'::regclass
    join pg_catalog.pg_rewrite as r on r.oid = d.objid
),
saved as (
    select p.oid::regprocedure::text as object, w.statement, w.n
    from beside as b join pg_catalog.pg_proc as p on p.oid = b.oid
    cross join lateral (
        select 1 as n, pg_get_functiondef(p.oid) as statement
        union all select 2, format('alter function %s owner to %I', p.oid::regprocedure, pg_get_userbyid(p.proowner))
        union all select 3, format('revoke all on function %s from public', p.oid::regprocedure) where p.proacl is not null
        union all
        select 4, format('grant execute on function %s to %s', p.oid::regprocedure,
            case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
        from aclexplode(p.proacl) as a
    ) as w
    union all
    select v.oid::regclass::text, w.statement, w.n
    from views as v join pg_catalog.pg_class as c on c.oid = v.oid
    cross join lateral (
        select 1 as n, format('alter view %s owner to %I', v.oid::regclass, pg_get_userbyid(c.relowner)) as statement
        union all
        select 2, format('grant %s on %s to %s', lower(a.privilege_type), v.oid::regclass,
            case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
        from aclexplode(c.relacl) as a where a.grantee <> c.relowner
        union all
        select 2, format('grant %s (%I) on %s to %s', lower(x.privilege_type), a.attname, v.oid::regclass,
            case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end)
        from pg_catalog.pg_attribute as a cross join lateral aclexplode(a.attacl) as x where a.attrelid = v.oid
    ) as w
    union all
    select format('view %s', v.oid::regclass), format('comment on view %s is %L', v.oid::regclass, d.description), 3
    from views as v join pg_catalog.pg_description as d on d.objoid = v.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
    union all
    select format('function %s', b.oid::regprocedure), format('comment on function %s is %L', b.oid::regprocedure, d.description), 5
    from beside as b join pg_catalog.pg_description as d on d.objoid = b.oid and d.classoid = 'pg_proc'::regclass
),
-- Triggers and policies that somebody added since then, which are dropped with the others.
added as (
    select 'trigger' as kind, format('%I.%I %I', n.nspname, c.relname, t.tgname) as object,
        pg_get_triggerdef(t.oid) as statement
    from moved as m join pg_catalog.pg_class as c on c.oid = m.oid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_trigger as t on t.tgrelid = m.oid and not t.tgisinternal and t.tgname not like 'truncate\_trigger\_%'
    union all
    select 'policy', format('%I.%I %I', n.nspname, c.relname, p.polname), concat_ws(
        ' ', format('create policy %I on %s as %s for %s to %s', p.polname, p.polrelid::regclass,
            case when p.polpermissive then 'permissive' else 'restrictive' end,
            case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
            case when p.polroles = '{{0}}' then 'public' else (
                select string_agg(quote_ident(r.rolname), ', ' order by r.rolname) from pg_catalog.pg_roles as r where r.oid = any (p.polroles)
            ) end),
        'using (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
    )
    from moved as m join pg_catalog.pg_class as c on c.oid = m.oid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_policy as p on p.polrelid = m.oid
)
select w.kind, w.object, w.statement
from (
    select 'beside' as kind, s.object, s.statement, s.n from saved as s
    union all
    select a.kind, a.object, a.statement, 6 from added as a
    where a.object <> all ({own}::text[])
        and not exists (select from chatschema.before_cluster as b where b.kind = a.kind and b.object = a.object)
) as w
order by w.n, w.object;
