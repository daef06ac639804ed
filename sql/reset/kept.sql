-- kept: objects that belong to the database and not to the schema, as the statements that recreate them, in order.
-- Why: a reset replaces the database or drops its tables, and extensions, grants, default privileges and publications with them.
-- A statement runs if its target (a schema, relation, column or routine; none: always) exists in the new database. is_dropped: the
-- object is also lost if only chatschema's own objects are dropped. may: whether this role can run the statement there.
with relations as materialized (
    select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind, c.relacl, c.relowner, c.relreplident,
        n.nspname <> 'public' or c.relname = any ({tables}) or exists (
            -- The sequence of a column is dropped with its table.
            select from pg_catalog.pg_depend as d join pg_catalog.pg_class as t on t.oid = d.refobjid
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S'
                and t.relnamespace = c.relnamespace and t.relname = any ({tables})
        ) as is_ours
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema', 'chat_partitions') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
),
-- Recreated functions get these default privileges, which may be less than they had.
altered as materialized (
    select exists (select from pg_catalog.pg_default_acl where defaclobjtype = 'f') as is_it
),
objects as materialized (
    select 'schema' as kind, quote_ident(nspname) as name, 'schema ' || quote_ident(nspname) as called, nspacl as acl, nspowner as owner,
        'n'::"char" as acl_class, nspname <> 'public' as is_ours, ''::text as of_column
    from pg_catalog.pg_namespace where nspname in ('public', 'chatschema', 'chat_partitions')
    union all
    -- A month is read through its table, and the new database has new months.
    select 'relation', name, case relkind when 'S' then 'sequence ' else 'table ' end || name, relacl, relowner,
        case relkind when 'S' then 's' else 'r' end::"char", is_ours, ''
    from relations where name !~ '^chat_partitions'
    union all
    select 'column', r.name || '.' || quote_ident(a.attname), 'table ' || r.name, a.attacl, r.relowner, 'c'::"char", r.is_ours,
        format(' (%I)', a.attname)
    from relations as r join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attacl is not null and not a.attisdropped
    where r.name !~ '^chat_partitions'
    union all
    select 'routine', p.name, 'routine ' || p.name, p.proacl, p.proowner, 'f'::"char", p.nspname <> 'public', ''
    from (
        select p.oid::regprocedure::text as name, p.proacl, p.proowner, n.nspname
        from altered, pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        where n.nspname in ('public', 'chatschema') and (p.proacl is not null or altered.is_it)
    ) as p
),
defaults as materialized (
    select d.defaclrole, d.defaclnamespace, n.nspname, d.defaclobjtype, d.defaclacl,
        case when d.defaclnamespace = 0
            then acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end::"char", d.defaclrole)
            else acldefault('c', d.defaclrole) -- nothing
        end as standard,
        format('alter default privileges for role %I%s ', pg_get_userbyid(d.defaclrole), ' in schema ' || quote_ident(n.nspname)) as prefix,
        case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
            when 'n' then 'schemas' else 'large objects' end as class
    from pg_catalog.pg_default_acl as d left join pg_catalog.pg_namespace as n on n.oid = d.defaclnamespace
    where n.nspname is null or n.nspname in ('public', 'chatschema', 'chat_partitions')
),
statements as (
    select 1 as step, e.oid::bigint as place, 'extension ' || e.extname || ' ' || e.extversion as what,
        'drop extension ' || quote_ident(e.extname) as way_out, null as kind, null as target, s.statement, false as is_dropped, true as may
    from pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    cross join lateral (
        select exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e'
        )
    ) as own (schema)
    cross join lateral (
        select 0, format('create schema if not exists %I', n.nspname)
        where not own.schema and n.nspname not in ('public', 'pg_catalog', 'chatschema', 'chat_partitions')
        union all
        -- A schema that the extension creates must not be named before it exists.
        select 1, format('create extension if not exists %I %sversion %L', e.extname,
            case when own.schema then '' else format('schema %I ', n.nspname) end, e.extversion)
    ) as s (place, statement)
    where e.extname <> 'plpgsql'
    union all
    select 2, 0, 'privilege of ' || g.grantee || ' on ' || o.called, format('revoke all on %s from %s', o.called, g.grantee), o.kind, o.name,
        format('grant %s on %s to %s%s', string_agg(distinct x.privilege_type || o.of_column, ', '), o.called, g.grantee,
            case when x.is_grantable then ' with grant option' else '' end), o.is_ours, true
    from objects as o
    cross join lateral aclexplode(coalesce(o.acl, acldefault(o.acl_class, o.owner))) as x
    cross join lateral (select case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end) as g (grantee)
    where x.grantee <> (select oid from pg_catalog.pg_roles where rolname = current_user)
        and not exists (
            select from aclexplode(acldefault(o.acl_class, o.owner)) as d
            where not (o.kind = 'routine' and (select is_it from altered)) and x.grantee = 0 and d.grantee = 0 and d.privilege_type = x.privilege_type
        )
    group by o.kind, o.name, o.called, o.is_ours, g.grantee, x.is_grantable
    union all
    -- Default privileges that were revoked from public must stay revoked.
    select 2, 1, 'privilege of public on ' || o.called, '', o.kind, o.name, format('revoke %s on %s from public', p.name, o.called), o.is_ours, true
    from objects as o
    join (values ('schema', 'USAGE'), ('schema', 'CREATE'), ('routine', 'EXECUTE')) as p (kind, name) on p.kind = o.kind
    where (o.kind = 'routine' or o.name = 'public') and not exists (
        select from aclexplode(coalesce(o.acl, acldefault(o.acl_class, o.owner))) as x where x.grantee = 0 and x.privilege_type = p.name
    )
    union all
    select 3, 0, 'default privileges for role ' || quote_ident(pg_get_userbyid(d.defaclrole)), d.prefix || format('revoke all on %s from %s', d.class, g.grantee),
        case when d.nspname is not null then 'schema' end, quote_ident(d.nspname),
        d.prefix || format('grant %s on %s to %s%s', x.privilege_type, d.class, g.grantee,
            case when x.is_grantable then ' with grant option' else '' end),
        coalesce(d.nspname, 'public') <> 'public', pg_has_role(d.defaclrole, 'usage')
    from defaults as d
    cross join lateral (select * from aclexplode(d.defaclacl) except select * from aclexplode(d.standard)) as x
    cross join lateral (select case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end) as g (grantee)
    union all
    select 3, 0, 'default privileges for role ' || quote_ident(pg_get_userbyid(d.defaclrole)), d.prefix || format('grant all on %s to %s', d.class, g.grantee),
        null, null, d.prefix || format('revoke %s on %s from %s', x.privilege_type, d.class, g.grantee), false, pg_has_role(d.defaclrole, 'usage')
    from defaults as d
    cross join lateral (select * from aclexplode(d.standard) except select * from aclexplode(d.defaclacl)) as x
    cross join lateral (select case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end) as g (grantee)
    union all
    select 4, 0, 'replica identity of ' || r.name, format('alter table %s replica identity default', r.name), 'relation', r.name,
        format('alter table %s replica identity %s', r.name, case r.relreplident when 'f' then 'full' when 'n' then 'nothing'
            else 'using index ' || quote_ident((
                select i.relname from pg_catalog.pg_index as x join pg_catalog.pg_class as i on i.oid = x.indexrelid
                where x.indrelid = r.oid and x.indisreplident
            )) end),
        r.is_ours, true
    from relations as r where r.relreplident in ('f', 'n', 'i') and r.relkind in ('r', 'p')
    union all
    select 5, p.oid::bigint, 'publication ' || p.pubname, 'drop publication ' || quote_ident(p.pubname), null, null,
        format('create publication %I%s with (publish = %L, publish_via_partition_root = %s%s)', p.pubname,
            case when p.puballtables then ' for all tables' else '' end,
            concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end),
            p.pubviaroot::text, case to_jsonb(p) ->> 'pubgencols' when 's' then ', publish_generated_columns = stored' else '' end),
        false, true
    from pg_catalog.pg_publication as p
    union all
    select 6, p.oid::bigint, 'publication ' || p.pubname, 'drop publication ' || quote_ident(p.pubname), 'relation', r.name,
        format('alter publication %I add table only %s%s%s', p.pubname, r.name,
            (select format(' (%s)', string_agg(quote_ident(a.attname), ', ' order by a.attnum))
            from unnest(m.prattrs::smallint[]) as k (number) join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum = k.number
            having count(*) > 0),
            ' where (' || pg_get_expr(m.prqual, m.prrelid) || ')'),
        r.is_ours, pg_has_role(p.pubowner, 'usage')
    from pg_catalog.pg_publication as p
    join pg_catalog.pg_publication_rel as m on m.prpubid = p.oid
    join relations as r on r.oid = m.prrelid
    union all
    select 6, p.oid::bigint, 'publication ' || p.pubname, 'drop publication ' || quote_ident(p.pubname), 'schema', quote_ident(n.nspname),
        format('alter publication %I add tables in schema %I', p.pubname, n.nspname), n.nspname <> 'public',
        (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
    from pg_catalog.pg_publication as p
    join pg_catalog.pg_publication_namespace as m on m.pnpubid = p.oid
    join pg_catalog.pg_namespace as n on n.oid = m.pnnspid
    where n.nspname in ('public', 'chatschema', 'chat_partitions')
    union all
    select 7, p.oid::bigint, 'publication ' || p.pubname, 'drop publication ' || quote_ident(p.pubname), null, null,
        format('alter publication %I owner to %I', p.pubname, pg_get_userbyid(p.pubowner)), false, true
    from pg_catalog.pg_publication as p where pg_get_userbyid(p.pubowner) <> current_user
)
select what, way_out, kind, target, statement, is_dropped, may from statements order by step, place, statement like 'create extension%', statement
