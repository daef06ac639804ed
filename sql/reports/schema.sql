-- schema: table definitions that cause problems later.
-- Why: A bad definition does no harm until the day it matters: a trigger that was disabled for a repair and not enabled again, a
--   key that cannot hold the largest values it refers to, a table whose rows cannot be identified. All of it is in the catalogs.
-- Check trigger: a trigger is disabled: it does not check or fill in anything.
-- Check duplicate: a foreign key repeats another one, and every change is checked twice.
-- Check mismatch: a column of a foreign key has another type than the column it refers to.
-- Check key: a table has no primary key: a single row cannot be identified.
-- Check identity: a published table has no replica identity: its updates and deletes fail.
-- Check collation: indexes were built with another version of their collation than the server has now.
with recursive
table_tree as ({table_tree}),
tables as materialized (
    select c.oid, c.relname, c.relkind, c.relnamespace, c.oid::regclass::text as name
    from pg_catalog.pg_class as c
    where c.oid in (select t.root from table_tree as t) and c.relkind in ('r', 'p') and c.relpersistence <> 't'
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
        )
),
triggers as materialized (
    select
        g.tgrelid::regclass::text as "table", g.tgname, g.tgenabled = 'D' as is_disabled, f.oid::regproc::text as function,
        n.nspname = 'chatschema' as is_guard,
        -- The triggers that protect the audit trail and its seals fire for replicated changes as well.
        n.nspname = 'chatschema' and f.proname in ('refuse_audit_change', 'refuse_seal_change') as is_always,
        t.root
    from pg_catalog.pg_trigger as g
    join table_tree as t on t.member = g.tgrelid
    join pg_catalog.pg_proc as f on f.oid = g.tgfoid
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    left join pg_catalog.pg_trigger as p on p.oid = g.tgparentid
    -- A trigger that is disabled on the partitioned table is listed once, not for each partition.
    where not g.tgisinternal and coalesce(p.tgenabled, 'O') <> 'D' and (g.tgenabled = 'D' or g.tgparentid = 0)
),
foreign_keys as materialized (
    select
        k.oid, k.conname, k.conrelid, k.confrelid, k.convalidated,
        k.conrelid::regclass::text as name, k.confrelid::regclass::text as referenced,
        (select array_agg((p.a, p.b)::text order by p.a, p.b) from unnest(k.conkey, k.confkey) as p (a, b)) as pairs,
        (k.confdeltype, k.confupdtype, k.confmatchtype, k.condeferrable, k.condeferred, k.conpfeqop)::text as meaning,
        -- Since version 18 a foreign key need not be enforced.
        coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) as is_enforced
    from pg_catalog.pg_constraint as k
    join tables as t on t.oid = k.conrelid
    where k.contype = 'f' and k.conparentid = 0
),
repeated as (
    select f.*, k.conname as kept
    from foreign_keys as f
    cross join lateral (
        select o.conname, o.oid
        from foreign_keys as o
        where (o.conrelid, o.confrelid, o.pairs, o.meaning, o.is_enforced) = (f.conrelid, f.confrelid, f.pairs, f.meaning, f.is_enforced)
        order by o.convalidated desc, o.oid
        limit 1
    ) as k
    where k.oid <> f.oid
),
unlike as (
    select
        f.name, f.conname, f.referenced, a.attname, b.attname as referenced_column,
        format_type(a.atttypid, a.atttypmod) as type, format_type(b.atttypid, b.atttypmod) as referenced_type,
        a.is_integer and b.is_integer and a.attlen < b.attlen as is_smaller,
        a.is_integer and b.is_integer and a.attlen > b.attlen as is_larger
    from foreign_keys as f
    join pg_catalog.pg_constraint as k on k.oid = f.oid
    cross join lateral unnest(k.conkey, k.confkey) as p (a, b)
    -- offset 0: column by column; without it all columns of the catalog are read.
    cross join lateral (
        select c.*, c.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) as is_integer, coalesce(nullif(t.typbasetype, 0), t.oid) as base
        from pg_catalog.pg_attribute as c
        join pg_catalog.pg_type as t on t.oid = c.atttypid
        where c.attrelid = f.conrelid and c.attnum = p.a
        offset 0
    ) as a
    cross join lateral (
        select c.*, c.atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) as is_integer, coalesce(nullif(t.typbasetype, 0), t.oid) as base
        from pg_catalog.pg_attribute as c
        join pg_catalog.pg_type as t on t.oid = c.atttypid
        where c.attrelid = f.confrelid and c.attnum = p.b
        offset 0
    ) as b
    where a.base <> b.base
),
keys as materialized (
    select t.*, k.conname, u.index as candidate
    from tables as t
    left join pg_catalog.pg_constraint as k on k.conrelid = t.oid and k.contype = 'p'
    -- A unique index on columns that are never null can become the primary key.
    left join lateral (
        select c.relname as index
        from pg_catalog.pg_index as x
        join pg_catalog.pg_class as c on c.oid = x.indexrelid
        where k.oid is null and t.relkind = 'r' and x.indrelid = t.oid and x.indisunique and x.indisvalid and x.indimmediate
            and x.indpred is null and x.indexprs is null
            and not exists (select from pg_catalog.pg_constraint as o where o.conindid = x.indexrelid)
            and not exists (
                select from pg_catalog.pg_attribute as a
                where a.attrelid = t.oid and not a.attnotnull and a.attnum = any((x.indkey::smallint[])[0:x.indnkeyatts - 1])
            )
        order by x.indnkeyatts, c.relname
        limit 1
    ) as u on true
),
published as (
    select distinct t.root, t.member, p.pubname
    from table_tree as t
    join pg_catalog.pg_class as c on c.oid = t.member and c.relkind = 'r' and c.relpersistence = 'p'
    join pg_catalog.pg_class as w on w.oid = t.root
    join pg_catalog.pg_publication as p on p.pubupdate or p.pubdelete
    where (
            p.puballtables
            or exists (select from pg_catalog.pg_publication_rel as r where r.prpubid = p.oid and r.prrelid in (t.member, t.root))
            or exists (select from pg_catalog.pg_publication_namespace as s where s.pnpubid = p.oid and s.pnnspid in (c.relnamespace, w.relnamespace))
        )
        and (
            c.relreplident = 'n'
            or c.relreplident = 'd' and not exists (select from pg_catalog.pg_index as x where x.indrelid = c.oid and x.indisprimary)
        )
),
sorted as materialized (
    select x.indexrelid, s.sort_order
    from pg_catalog.pg_index as x
    join table_tree as t on t.member = x.indrelid
    cross join lateral unnest(x.indcollation::oid[]) as s (sort_order)
    where s.sort_order <> 0
    group by x.indexrelid, s.sort_order
),
collations as (
    select
        c.oid, format('collation %s', c.oid::regcollation) as object, c.collversion as built, pg_collation_actual_version(c.oid) as now,
        format('alter collation %s refresh version;', c.oid::regcollation) as refresh
    from pg_catalog.pg_collation as c
    where c.collprovider <> 'd' and c.oid in (select s.sort_order from sorted as s)
    union all
    select
        c.oid, format('database %I', d.datname), d.datcollversion, pg_database_collation_actual_version(d.oid),
        format('alter database %I refresh collation version;', d.datname)
    from pg_catalog.pg_collation as c
    join pg_catalog.pg_database as d on d.datname = current_database()
    where c.collprovider = 'd'
),
outdated as (
    select
        c.object, c.built, c.now, c.refresh, count(*) as indexes,
        -- The partitioned index is named, not its parts: it rebuilds them.
        string_agg(format('reindex index concurrently %s;', s.indexrelid::regclass), E'\n' order by s.indexrelid::regclass::text)
            filter (where not i.relispartition) as rebuild
    from collations as c
    join sorted as s on s.sort_order = c.oid
    join pg_catalog.pg_class as i on i.oid = s.indexrelid
    where c.built <> c.now
    group by c.object, c.built, c.now, c.refresh
)
select
    k.name as object, k.conname as primary_key,
    (select count(*) from foreign_keys as f where f.conrelid = k.oid) as foreign_keys,
    (select count(*) from triggers as g where g.root = k.oid and not g.is_disabled) as triggers,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from keys as k
union all
select
    format('%s.%s', g."table", quote_ident(g.tgname)), null, null, null,
    case when g.is_guard then 'critical' else 'warn' end, 'trigger',
    format('is disabled: changes to the table do not call %s', g.function), null, null,
    format(case when g.is_always then 'alter table %s enable always trigger %I;' else 'alter table %s enable trigger %I;' end, g."table", g.tgname),
    format('alter table %s disable trigger %I;', g."table", g.tgname)
from triggers as g
where g.is_disabled
union all
select
    format('%s.%s', r.name, quote_ident(r.conname)), null, null, null, 'warn', 'duplicate',
    format('repeats the foreign key %2$s to %1$s: every change is checked twice', r.referenced, r.kept), null, null,
    format(E'set lock_timeout = ''2s'';\nalter table %s drop constraint %I;', r.name, r.conname),
    format('alter table %s add constraint %I %s;', r.name, r.conname, pg_get_constraintdef(r.oid))
from repeated as r
union all
select
    format('%s.%s', p.name, quote_ident(p.conname)), null, null, null,
    case when p.is_smaller then 'warn' else 'info' end, 'mismatch',
    case
        when p.is_smaller then format('%s is %s but refers to %s, which is %s: it cannot hold the larger values', p.attname, p.type, p.referenced_column, p.referenced_type)
        else format('%s is %s but refers to %s, which is %s', p.attname, p.type, p.referenced_column, p.referenced_type)
    end,
    null, null,
    E'-- blocks all access to the table, and may rewrite it; if it is large, add a column, fill it, and swap\n' || case
        when p.is_larger then format('alter table %s alter column %I type %s;', p.referenced, p.referenced_column, p.type)
        else format('alter table %s alter column %I type %s;', p.name, p.attname, p.referenced_type)
    end,
    null
from unlike as p
union all
select
    k.name, null, null, null, 'info', 'key', 'has no primary key: a single row cannot be identified', null, null,
    case
        when k.candidate is not null then format('alter table %1$s add constraint %2$I primary key using index %2$I;', k.name, k.candidate)
        when k.relkind = 'r' then format(
            E'-- blocks all access to the table while it is rewritten\nalter table %s add column %I bigint generated always as identity primary key;', k.name,
            case
                when exists (select from pg_catalog.pg_attribute as a where a.attrelid = k.oid and a.attname = 'id') then k.relname || '_id'
                else 'id'
            end
        )
        else '-- choose the columns that identify a row; for a partitioned table they include its partition key'
    end,
    null
from keys as k
-- chatschema's own tables are left out: the reader should not change them.
where k.conname is null and k.relnamespace is distinct from to_regnamespace('chatschema')
union all
select
    p.member::regclass::text, null, null, null, 'critical', 'identity',
    format('is published by %s but has no replica identity: every update and delete fails', string_agg(p.pubname, ', ' order by p.pubname)),
    null, null, format('alter table %s replica identity full;', p.member::regclass), format('alter table %s replica identity default;', p.member::regclass)
from published as p
group by p.member
union all
select
    o.object, null, null, null, 'warn', 'collation',
    format('%s indexes were built with version %s, but the server sorts with %s: queries may miss rows, and unique indexes may hold duplicates',
        o.indexes, o.built, o.now),
    o.indexes, null, o.rebuild || E'\n' || o.refresh, null
from outdated as o
order by object
