-- partition_differences: each partition in chat_partitions compared with its parent, in everything that can be changed on it alone.
-- Why: status reads all of them each time, so nothing but defaults is printed here; verify compares their full texts.
-- Triggers and checks that the parent does not have are compared with the other partitions: more than half have them. The triggers of
-- guard_month() and the check on the bounds are chatschema's own, so a partition may have them although others do not.
with months as materialized (
    select c.oid, i.inhparent as parent, c.relname as name, format('chat_partitions.%I', c.relname) as object,
        c.relowner, c.relacl, c.reloptions, c.relpersistence, p.relpersistence as parent_persistence,
        -- As verify expects it: whoever creates the months owns them, and so the records.
        coalesce((select l.relowner from pg_catalog.pg_class as l where l.oid = to_regclass('chatschema.migrations')), p.relowner) as ledger,
        count(*) over (partition by i.inhparent) as siblings
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relnamespace = to_regnamespace('chat_partitions') and c.relkind in ('r', 'p', 'f')
    join pg_catalog.pg_class as p on p.oid = i.inhparent and p.relnamespace = to_regnamespace('public')
    where not i.inhdetachpending
),
triggers as materialized (
    select m.oid as month, m.object, m.parent, m.siblings, t.tgname as name,
        case t.tgenabled when 'O' then 'enabled' when 'D' then 'disabled' when 'R' then 'enabled replica' else 'enabled always' end as found,
        case coalesce(p.tgenabled, 'O') when 'O' then 'enabled' when 'D' then 'disabled' when 'R' then 'enabled replica' else 'enabled always'
            end as expected,
        t.tgparentid <> 0 as is_clone, f.pronamespace = to_regnamespace('chatschema') and starts_with(t.tgname, 'month_') as is_own,
        count(*) over (partition by m.parent, t.tgname) as having_it
    from months as m
    join pg_catalog.pg_trigger as t on t.tgrelid = m.oid and not t.tgisinternal
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
    left join pg_catalog.pg_trigger as p on p.oid = t.tgparentid
),
-- By the number of the parent's for keys, by name for checks; that of the bounds is known by its name.
constraints as materialized (
    select m.oid as month, m.object, m.name as month_name, m.parent, m.siblings, k.conname as name, k.contype, p.oid is not null as is_inherited,
        replace(k.conname, m.name, '{month}') as common_name,
        case when k.convalidated then 'valid' else 'not valid' end as found, case when p.convalidated then 'valid' else 'not valid' end as expected,
        k.contype = 'f' and exists (
            select from pg_catalog.pg_trigger as t where t.tgconstraint = k.oid and t.tgrelid = m.oid and t.tgisinternal and t.tgenabled in ('D', 'R')
        ) as is_off,
        count(*) over (partition by m.parent, replace(k.conname, m.name, '{month}')) as having_it
    from months as m
    join pg_catalog.pg_constraint as k on k.conrelid = m.oid and k.contype in ('c', 'f', 'p', 'u', 'x')
    left join pg_catalog.pg_constraint as p on p.conrelid = m.parent
        and case k.contype when 'c' then p.contype = 'c' and p.conname = k.conname else p.oid = k.conparentid end
)
select 'table' as kind, object, '' as name, object as partition, case parent_persistence when 'u' then 'unlogged' else 'logged' end as expected,
    case relpersistence when 'u' then 'unlogged' else 'logged' end as found
from months where relpersistence <> parent_persistence
union all
select 'owner', 'table ' || object, '', object, quote_ident(pg_get_userbyid(ledger)), quote_ident(pg_get_userbyid(relowner))
from months where relowner <> ledger
union all
select 'option', format('%s of table %s', o.option_name, m.object), o.option_name, m.object, null, o.option_value
from months as m cross join lateral pg_options_to_table(m.reloptions) as o
union all
-- Rights of other roles are not chatschema's to check.
select distinct 'privilege', format('%s on table %s to public', lower(x.privilege_type), m.object), lower(x.privilege_type) || ' to public',
    m.object, null, 'granted'
from months as m cross join lateral aclexplode(m.relacl) as x
where x.grantee = 0
union all
select 'column', format('%s.%I', m.object, a.attname), quote_ident(a.attname), m.object,
    concat_ws(' default ', case when p.attnotnull then 'not null' else 'null' end, pg_get_expr(pd.adbin, 0)),
    concat_ws(' default ', case when a.attnotnull then 'not null' else 'null' end, pg_get_expr(d.adbin, 0))
from months as m
join pg_catalog.pg_attribute as p on p.attrelid = m.parent and p.attnum > 0 and not p.attisdropped and p.attgenerated = ''
join pg_catalog.pg_attribute as a on a.attrelid = m.oid and a.attname = p.attname and not a.attisdropped
left join pg_catalog.pg_attrdef as pd on pd.adrelid = p.attrelid and pd.adnum = p.attnum
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where p.attnotnull <> a.attnotnull or pg_get_expr(pd.adbin, 0) is distinct from pg_get_expr(d.adbin, 0)
union all
select 'constraint', format('%s.%I', object, name), quote_ident(name), object, case when is_inherited or 2 * having_it > siblings then expected end,
    case when is_off then 'triggers disabled' when is_inherited then found else 'added' end
from constraints
where is_off or (is_inherited and found <> expected)
    or not (is_inherited or 2 * having_it > siblings or name = month_name || '_bounds_check')
union all
select 'constraint', format('%s.%I', m.object, k.conname), quote_ident(k.conname), m.object, 'valid', null
from months as m
join pg_catalog.pg_constraint as k on k.conrelid = m.parent and k.contype in ('c', 'f', 'p', 'u', 'x') and not k.connoinherit
where not exists (
    select from pg_catalog.pg_constraint as own where own.conrelid = m.oid
        and case k.contype when 'c' then own.contype = 'c' and own.conname = k.conname else own.conparentid = k.oid end
)
union all
select 'constraint', format('%s.%I', m.object, o.name), quote_ident(o.name), m.object, 'valid', null
from months as m
join (select distinct parent, common_name from constraints where not is_inherited and 2 * having_it > siblings) as k on k.parent = m.parent
cross join lateral (select replace(k.common_name, '{month}', m.name)) as o (name)
where not exists (select from constraints as own where own.month = m.oid and own.common_name = k.common_name)
union all
select 'index', format('chat_partitions.%I', c.relname), quote_ident(c.relname), m.object, h.inhparent::regclass::text,
    case when i.indisvalid then 'added' else 'invalid' end
from months as m
join pg_catalog.pg_index as i on i.indrelid = m.oid
join pg_catalog.pg_class as c on c.oid = i.indexrelid
left join pg_catalog.pg_inherits as h on h.inhrelid = i.indexrelid
-- The rest of a concurrent reindex is a matter of the report on indexes.
where c.relname !~ '_cc(new|old)[0-9]*$' and (not i.indisvalid
    or (h.inhparent is null and not exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid and k.conrelid = m.oid)))
union all
select 'index', format('%s of %s', p.indexrelid::regclass, m.object), p.indexrelid::regclass::text, m.object, p.indexrelid::regclass::text, null
from months as m
join pg_catalog.pg_index as p on p.indrelid = m.parent
where not exists (
    select from pg_catalog.pg_index as i join pg_catalog.pg_inherits as h on h.inhrelid = i.indexrelid
    where i.indrelid = m.oid and h.inhparent = p.indexrelid
)
union all
select 'trigger', format('%s.%I', object, name), quote_ident(name), object, case when is_clone or is_own or 2 * having_it > siblings then expected end,
    case when is_clone or is_own or 2 * having_it > siblings then found else 'added' end
from triggers
where found <> expected or not (is_clone or is_own or 2 * having_it > siblings)
union all
select 'trigger', format('%s.%I', m.object, t.name), quote_ident(t.name), m.object, 'enabled', null
from months as m
join (select distinct parent, name from triggers where not is_clone and 2 * having_it > siblings) as t on t.parent = m.parent
where not exists (select from triggers as own where own.month = m.oid and own.name = t.name)
union all
select 'trigger', format('%s.%I', m.object, t.tgname), quote_ident(t.tgname), m.object, 'enabled', null
from months as m
join pg_catalog.pg_trigger as t on t.tgrelid = m.parent and not t.tgisinternal and t.tgtype & 1 = 1
where not exists (select from pg_catalog.pg_trigger as own where own.tgrelid = m.oid and own.tgparentid = t.oid)
order by 1, 3, 2
