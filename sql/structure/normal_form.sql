-- normal_form: every object of the schemas public and chatschema that {which} chooses, as a kind, a name and a text.
-- Why: equal for equal structures, whatever the months, whoever reads, and without a lock on a table with rows. Months, the
-- ledger's tables, members of extensions, comments and settings of storage and statistics are left out. Printing an
-- expression opens its table, so a table that another session keeps from being read is one row of the kind locked.
-- An owner is compared with the owner of the ledger: a copy of the database belongs to whoever makes it.
with locks as materialized (
    select l.relation, l.mode, l.pid = pg_backend_pid() as is_own
    from pg_catalog.pg_locks as l
    where l.locktype = 'relation' and (l.mode = 'AccessExclusiveLock' or l.pid = pg_backend_pid())
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
),
locked as materialized (
    select relation as oid from locks where not is_own
    except select relation from locks where is_own
),
-- Printing a view or a policy opens the tables in it as well.
unreadable as materialized (
    select oid from locked
    union
    select coalesce(r.ev_class, p.polrelid) from locked as l
    join pg_catalog.pg_depend as d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = l.oid
    left join pg_catalog.pg_rewrite as r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
    left join pg_catalog.pg_policy as p on d.classid = 'pg_catalog.pg_policy'::regclass and p.oid = d.objid
    where coalesce(r.ev_class, p.polrelid) is not null
),
objects as materialized (
    select c.oid, c.relkind::text as class, n.nspname, c.relname as name, format('%I.%I', n.nspname, c.relname) as object,
        c.relacl as acl, c.relowner as owner, case c.relkind when 'S' then 's' else 'r' end::"char" as acl_class
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and not c.relispartition
        and not (n.nspname = 'chatschema' and c.relname in (
            '_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'migrations', 'protection', 'seeds', 'seeded_rows',
            'schema_records', 'batches', 'kept_by_reset', 'repeatables'
        ))
        and not exists (
            -- Members of extensions, and the sequences of identity columns.
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype in ('e', 'i')
        )
    union all
    select p.oid, 'function', n.nspname, p.proname, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
        p.proacl, p.proowner, 'f'
    from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('public', 'chatschema') and p.prokind <> 'a'
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
    union all
    select t.oid, 'type', n.nspname, t.typname, format('%I.%I', n.nspname, t.typname), null, t.typowner, 'T'
    from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
    where n.nspname in ('public', 'chatschema') and t.typtype in ('e', 'd')
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
        )
    union all
    select n.oid, 'schema', n.nspname, n.nspname, quote_ident(n.nspname), n.nspacl, n.nspowner, 'n'
    from pg_catalog.pg_namespace as n where n.nspname in ('public', 'chatschema', 'chat_partitions')
),
chosen as materialized (
    select oid, case when oid in (select oid from unreadable) then 'locked' else class end as class, nspname, name, object, acl, owner, acl_class
    from objects where {which}
)

select 'schema' as kind, object, null::text as part_of, '' as definition, array[name]::text[] as names
from chosen where class = 'schema'
union all
select 'locked', object, null, '', array[name]::text[] from chosen where class = 'locked'
union all
select case when o.class in ('r', 'p') then 'table' else 'foreign table' end, o.object, null,
    concat_ws(', ', case c.relpersistence when 'u' then 'unlogged' end, 'partitioned by ' || pg_get_partkeydef(c.oid),
        case when c.relrowsecurity then 'row level security enabled' end, case when c.relforcerowsecurity then 'forced' end),
    array[o.name]::text[]
from chosen as o join pg_catalog.pg_class as c on c.oid = o.oid
where o.class in ('r', 'p', 'f')
union all
select case class when 'v' then 'view' else 'materialized view' end, object, null, pg_get_viewdef(oid), array[name]::text[]
from chosen where class in ('v', 'm')
union all
select 'sequence', o.object, null,
    format('as %s start %s increment %s minvalue %s maxvalue %s cache %s%s', format_type(s.seqtypid, null), s.seqstart,
        s.seqincrement, s.seqmin, s.seqmax, s.seqcache, case when s.seqcycle then ' cycle' end),
    array[o.name]::text[]
from chosen as o join pg_catalog.pg_sequence as s on s.seqrelid = o.oid
union all
select 'function', object, null, pg_get_functiondef(oid), array[name]::text[] from chosen where class = 'function'
union all
select 'type', o.object, null,
    case t.typtype
        when 'e' then format('enum (%s)', (
            select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
            from pg_catalog.pg_enum as e where e.enumtypid = t.oid
        ))
        else format_type(t.typbasetype, t.typtypmod) || case when t.typnotnull then ' not null' else '' end
            || coalesce(' default ' || t.typdefault, '') || coalesce((
                select string_agg(' constraint ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid), '' order by k.conname)
                from pg_catalog.pg_constraint as k where k.contypid = t.oid and k.contype = 'c'
            ), '')
    end,
    array[o.name]::text[]
from chosen as o join pg_catalog.pg_type as t on t.oid = o.oid
where o.class = 'type'
union all
select 'column', format('%s.%I', o.object, a.attname), o.object,
    format_type(a.atttypid, a.atttypmod)
        || coalesce(' collate ' || (
            select format('%I.%I', n.nspname, l.collname)
            from pg_catalog.pg_collation as l join pg_catalog.pg_namespace as n on n.oid = l.collnamespace
            where l.oid = a.attcollation and l.oid <> t.typcollation
        ), '')
        || case when a.attnotnull then ' not null' else '' end
        || case a.attidentity when 'a' then ' generated always as identity' when 'd' then ' generated by default as identity' else '' end
        || case a.attgenerated
            -- Without a relation an expression is printed without a lock on it; only a generated column names others.
            when '' then coalesce(' default ' || pg_get_expr(d.adbin, 0), '')
            else format(' generated always as (%s)', pg_get_expr(d.adbin, d.adrelid))
                || case a.attgenerated when 's' then ' stored' else ' virtual' end
        end,
    array[o.name, a.attname]::text[]
from chosen as o
join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type as t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where o.class in ('r', 'p', 'f')
union all
-- Those of not null are columns' (from 18 on they are here as well), those with a parent came with a month.
select 'constraint', format('%s.%I', o.object, k.conname), o.object,
    pg_get_constraintdef(k.oid) || case when exists (
        select from pg_catalog.pg_trigger as t where t.tgconstraint = k.oid and t.tgisinternal and t.tgenabled in ('D', 'R')
    ) then ' (triggers disabled)' else '' end,
    array[k.conname]::text[]
from chosen as o join pg_catalog.pg_constraint as k on k.conrelid = o.oid and k.contype not in ('n', 't') and k.conparentid = 0
where o.class in ('r', 'p', 'f')
union all
select 'index', format('%I.%I', o.nspname, c.relname), o.object,
    pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' (invalid)' end, array[c.relname]::text[]
from chosen as o
join pg_catalog.pg_index as i on i.indrelid = o.oid
join pg_catalog.pg_class as c on c.oid = i.indexrelid
where o.class in ('r', 'p', 'm') and not exists (
    -- What a key is made of is a part of the key.
    select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid and k.conrelid = o.oid and k.contype in ('p', 'u', 'x')
)
union all
select 'trigger', format('%s.%I', o.object, t.tgname), o.object,
    pg_get_triggerdef(t.oid)
        || case t.tgenabled when 'D' then ' (disabled)' when 'R' then ' (enabled replica)' when 'A' then ' (enabled always)' else '' end,
    array[o.name, t.tgname]::text[]
from chosen as o join pg_catalog.pg_trigger as t on t.tgrelid = o.oid and not t.tgisinternal
where o.class in ('r', 'p', 'v', 'f')
union all
select 'rule', format('%s.%I', o.object, r.rulename), o.object,
    pg_get_ruledef(r.oid) || case r.ev_enabled when 'O' then '' else ' (' || r.ev_enabled::text || ')' end, array[o.name, r.rulename]::text[]
from chosen as o join pg_catalog.pg_rewrite as r on r.ev_class = o.oid and r.rulename <> '_RETURN'
where o.class in ('r', 'p', 'v', 'f')
union all
select 'policy', format('%s.%I', o.object, p.polname), o.object,
    format('create policy %I on %s%s for %s to %s', p.polname, o.object, case when p.polpermissive then '' else ' as restrictive' end,
        case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
        (select string_agg(case r.oid when 0 then 'public' else quote_ident(pg_get_userbyid(r.oid)) end, ', ' order by r.oid)
        from unnest(p.polroles) as r (oid)))
        || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
        || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''),
    array[o.name, p.polname]::text[]
from chosen as o join pg_catalog.pg_policy as p on p.polrelid = o.oid
where o.class in ('r', 'p')
union all
select distinct 'privilege', format('%s on %s %s to %s%s', lower(x.privilege_type),
        case o.class when 'schema' then 'schema' when 'function' then 'function' when 'S' then 'sequence' else 'table' end,
        o.object, g.grantee, case when x.is_grantable then ' with grant option' else '' end),
    o.object, '', array[o.name, g.grantee]::text[]
from chosen as o
cross join lateral aclexplode(coalesce(o.acl, acldefault(o.acl_class, o.owner))) as x
cross join lateral (select case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end) as g (grantee)
where o.class not in ('type', 'locked') and x.grantee <> o.owner
union all
select distinct 'privilege', format('%s (%I) on table %s to %s%s', lower(x.privilege_type), a.attname, o.object, g.grantee,
        case when x.is_grantable then ' with grant option' else '' end),
    o.object, '', array[o.name, a.attname, g.grantee]::text[]
from chosen as o
join pg_catalog.pg_attribute as a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null
cross join lateral aclexplode(a.attacl) as x
cross join lateral (select case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end) as g (grantee)
where o.class in ('r', 'p', 'v', 'm', 'f') and x.grantee <> o.owner
union all
select 'owner', format('%s %s', case o.class when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
        when 'schema' then 'schema' when 'function' then case p.prokind when 'p' then 'procedure' else 'function' end
        when 'type' then case t.typtype when 'd' then 'domain' else 'type' end else 'table' end, o.object),
    o.object,
    case when o.owner = l.owner then 'the owner of the ledger' else quote_ident(pg_get_userbyid(o.owner)) end,
    -- A migration names both when it changes an owner.
    array[o.name, 'owner']::text[]
from chosen as o
cross join (
    select coalesce((select c.relowner from pg_catalog.pg_class as c where c.oid = to_regclass('chatschema.migrations')),
        (select d.datdba from pg_catalog.pg_database as d where d.datname = current_database()))
) as l (owner)
left join pg_catalog.pg_proc as p on o.class = 'function' and p.oid = o.oid
left join pg_catalog.pg_type as t on o.class = 'type' and t.oid = o.oid
where o.class <> 'locked'
