-- details: the rest of the structure, which verify compares beside the normal form: comments, options, storage, and more.
-- Why: the record of each migration does not have it, as these are often an administrator's; a replay has it as the files made it.
with relations as materialized (
    select c.oid, c.relkind, n.nspname, c.relname as name, format('%I.%I', n.nspname, c.relname) as object, c.reloptions,
        coalesce((
            select format('%I.%I', n.nspname, t.relname)
            from pg_catalog.pg_index as i join pg_catalog.pg_class as t on t.oid = i.indrelid where i.indexrelid = c.oid
        ), format('%I.%I', n.nspname, c.relname)) as part_of,
        case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
            when 'i' then 'index' when 'I' then 'index' when 'c' then 'type' else 'table' end as what
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema') and not c.relispartition and c.relkind <> 't'
        and not exists (
            -- What belongs to the ledger.
            select from pg_catalog.pg_class as l left join pg_catalog.pg_index as i on i.indrelid = l.oid
            left join pg_catalog.pg_depend as s on s.refobjid = l.oid and s.classid = 'pg_catalog.pg_class'::regclass and s.deptype in ('a', 'i')
            where c.oid in (l.oid, i.indexrelid, s.objid) and l.relnamespace = to_regnamespace('chatschema') and l.relname in (
                '_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'migrations', 'protection', 'seeds', 'seeded_rows',
                'schema_records', 'batches', 'kept_by_reset', 'repeatables'
            )
        )
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0
                -- Members of extensions; and sequences of identity columns, which are the tables'.
                and (d.deptype = 'e' or (d.deptype = 'i' and c.relkind = 'S'))
        )
),
others as materialized (
    select 'pg_catalog.pg_proc'::regclass as class, p.oid, n.nspname, p.proname as name,
        format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as object, p.proowner as owner,
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as what
    from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('public', 'chatschema')
    union all
    select 'pg_catalog.pg_type'::regclass, t.oid, n.nspname, t.typname, format('%I.%I', n.nspname, t.typname), t.typowner,
        case t.typtype when 'd' then 'domain' else 'type' end
    from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
    where n.nspname in ('public', 'chatschema') and t.typtype in ('e', 'd')
    union all
    select 'pg_catalog.pg_namespace'::regclass, n.oid, n.nspname, n.nspname, quote_ident(n.nspname), n.nspowner, 'schema'
    from pg_catalog.pg_namespace as n where n.nspname in ('public', 'chatschema', 'chat_partitions')
),
chosen as materialized (
    select * from others as o where not exists (
        select from pg_catalog.pg_depend as d where d.classid = o.class and d.objid = o.oid and d.deptype = 'e'
    )
),
parts as (
    -- Each with a comment of its own: the class and the number of the object, its column, and how COMMENT ON names it.
    select 'pg_catalog.pg_class'::regclass as class, oid, 0 as subid, what, object, part_of, name from relations
    union all
    select 'pg_catalog.pg_class'::regclass, r.oid, a.attnum, 'column', format('%s.%I', r.object, a.attname), r.object, a.attname
    from relations as r join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    where r.relkind in ('r', 'p', 'v', 'm', 'f')
    union all
    select class, oid, 0, what, object, object, name from chosen
    union all
    select 'pg_catalog.pg_constraint'::regclass, k.oid, 0, 'constraint', format('%I on %s', k.conname, r.object), r.object, k.conname
    from relations as r join pg_catalog.pg_constraint as k on k.conrelid = r.oid and k.contype <> 'n'
    union all
    select 'pg_catalog.pg_trigger'::regclass, t.oid, 0, 'trigger', format('%I on %s', t.tgname, r.object), r.object, t.tgname
    from relations as r join pg_catalog.pg_trigger as t on t.tgrelid = r.oid and not t.tgisinternal
    union all
    select 'pg_catalog.pg_policy'::regclass, p.oid, 0, 'policy', format('%I on %s', p.polname, r.object), r.object, p.polname
    from relations as r join pg_catalog.pg_policy as p on p.polrelid = r.oid
    union all
    select 'pg_catalog.pg_rewrite'::regclass, w.oid, 0, 'rule', format('%I on %s', w.rulename, r.object), r.object, w.rulename
    from relations as r join pg_catalog.pg_rewrite as w on w.ev_class = r.oid and w.rulename <> '_RETURN'
)
-- The normal form has the owners of all others.
select 'owner' as kind, format('%s %s', o.what, o.object) as object, o.object as part_of,
    case when o.owner = l.owner then 'the owner of the ledger' else quote_ident(pg_get_userbyid(o.owner)) end as definition,
    array[o.name]::text[] as names
from chosen as o
cross join (
    select coalesce((select c.relowner from pg_catalog.pg_class as c where c.oid = to_regclass('chatschema.migrations')),
        (select d.datdba from pg_catalog.pg_database as d where d.datname = current_database()))
) as l (owner)
where o.what = 'aggregate'
union all
select 'comment', format('%s %s', p.what, p.object), p.part_of, d.description, array[p.name]::text[]
from parts as p join pg_catalog.pg_description as d on d.classoid = p.class and d.objoid = p.oid and d.objsubid = p.subid
-- initdb writes this one, and the schema may be anybody's.
where not (p.what = 'schema' and p.object = 'public')
union all
select 'option', format('%s of %s %s', o.option_name, r.what, r.object), r.part_of, o.option_value, array[r.name, o.option_name]::text[]
from relations as r cross join lateral pg_options_to_table(r.reloptions) as o
where r.relkind in ('r', 'p', 'v', 'm', 'i', 'I')
union all
select 'option', format('%s of column %s.%I', o.option_name, r.object, a.attname), r.object, o.option_value,
    array[r.name, a.attname, o.option_name]::text[]
from relations as r
join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
cross join lateral pg_options_to_table(a.attoptions) as o
-- Since 15.20 the server gives every column a number of its own in its options; another database has other numbers.
where o.option_name <> 'pg_attver'
union all
select 'storage', format('%s.%I', r.object, a.attname), r.object,
    case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
        || case a.attcompression when 'p' then ' compression pglz' when 'l' then ' compression lz4' else '' end,
    -- A table that is missing is created with its columns in their order.
    array[r.name, a.attname, case when a.attstorage = t.typstorage and a.attcompression = '' then 'default' else 'set' end, a.attnum::text]::text[]
from relations as r
join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type as t on t.oid = a.atttypid
where r.relkind in ('r', 'p', 'm')
union all
select 'statistics', format('%s.%I', r.object, a.attname), r.object, a.attstattarget::text, array[r.name, a.attname]::text[]
from relations as r join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
-- -1 before 17, null from 17 on.
where r.relkind in ('r', 'p', 'm') and a.attstattarget >= 0
union all
-- Only those that were not validated: a valid one is the column's, and on 15 to 17 there is none.
select 'not null', format('%s.%I', r.object, k.conname), r.object, pg_get_constraintdef(k.oid), array[k.conname]::text[]
from relations as r join pg_catalog.pg_constraint as k on k.conrelid = r.oid and k.contype = 'n' and not k.convalidated
union all
select 'aggregate', object, null, format('%s %s', p.aggtransfn, p.aggtranstype::regtype), array[name]::text[]
from chosen as c join pg_catalog.pg_aggregate as p on p.aggfnoid = c.oid where c.what = 'aggregate'
union all
select 'type', r.object, null, format('composite (%s)', (
        select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
        from pg_catalog.pg_attribute as a where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    )), array[r.name]::text[]
from relations as r where r.relkind = 'c'
union all
select 'extension', quote_ident(e.extname), null, format('in schema %I', n.nspname), array[e.extname]::text[]
from pg_catalog.pg_extension as e join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
