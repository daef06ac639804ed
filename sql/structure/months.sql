-- months: the structure of each partition in chat_partitions, with its own name and bounds replaced, so that months are equal.
-- Why: a trigger can be disabled, an index dropped or a right granted on one month alone, and its parent does not show it.
-- Names of indexes and keys are the server's and differ from month to month, so these are known by their definitions.
with months as materialized (
    select c.oid, c.relname as name, p.relname as parent, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
        c.relacl, c.relowner,
        regexp_match(pg_get_expr(c.relpartbound, 0), 'FROM \(''([0-9a-f-]{36})''\) TO \(''([0-9a-f-]{36})''\)') as bounds,
        coalesce((select l.relowner from pg_catalog.pg_class as l where l.oid = to_regclass('chatschema.migrations')),
            (select d.datdba from pg_catalog.pg_database as d where d.datname = current_database())) as ledger
    from pg_catalog.pg_class as c
    join pg_catalog.pg_inherits as i on i.inhrelid = c.oid
    join pg_catalog.pg_class as p on p.oid = i.inhparent
        and (p.relnamespace = to_regnamespace('public') or p.oid = to_regclass('chatschema.events'))
    where c.relnamespace = to_regnamespace('chat_partitions') and c.relkind in ('r', 'p', 'f') and not i.inhdetachpending
)
select parent, name, 'table' as kind, '' as object,
    concat_ws(', ', case relpersistence when 'u' then 'unlogged' end,
        case when relrowsecurity then 'row level security enabled' end, case when relforcerowsecurity then 'forced' end) as definition,
    -- Its bounds; otherwise the part's own name there, and the object of the parent that it belongs to.
    (bounds)[1] as made_of, (bounds)[2] as inherits
from months
union all
select parent, name, 'owner', '', case when relowner = ledger then 'the owner of the ledger' else quote_ident(pg_get_userbyid(relowner)) end,
    null, null
from months
union all
select m.parent, m.name, 'option', o.option_name, o.option_value, null, null
from months as m cross join lateral pg_options_to_table(m.reloptions) as o
union all
select m.parent, m.name, 'column', quote_ident(a.attname),
    format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
        || coalesce(' default ' || pg_get_expr(d.adbin, 0), ''),
    null, null
from months as m
join pg_catalog.pg_attribute as a on a.attrelid = m.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
union all
select m.parent, m.name, 'storage', quote_ident(a.attname),
    case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end
        || case a.attcompression when 'p' then ' compression pglz' when 'l' then ' compression lz4' else '' end,
    null, null
from months as m join pg_catalog.pg_attribute as a on a.attrelid = m.oid and a.attnum > 0 and not a.attisdropped
union all
select m.parent, m.name, 'constraint',
    case when k.contype in ('p', 'u', 'x') then f.definition else quote_ident(replace(k.conname, m.name, '{month}')) end,
    f.definition, quote_ident(k.conname), null
from months as m
join pg_catalog.pg_constraint as k on k.conrelid = m.oid and k.contype not in ('n', 't')
cross join lateral (
    select replace(replace(pg_get_constraintdef(k.oid), coalesce((m.bounds)[1], '-'), '{from}'), coalesce((m.bounds)[2], '-'), '{to}')
        || case when exists (
            select from pg_catalog.pg_trigger as t where t.tgconstraint = k.oid and t.tgisinternal and t.tgenabled in ('D', 'R')
        ) then ' (triggers disabled)' else '' end
) as f (definition)
union all
select m.parent, m.name, 'index', f.definition,
    f.definition || case when i.indisvalid then '' else ' (invalid)' end
        || case when h.inhparent is null and not exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid)
            then ' (not attached)' else '' end,
    c.relname, h.inhparent::regclass::text
from months as m
join pg_catalog.pg_index as i on i.indrelid = m.oid
join pg_catalog.pg_class as c on c.oid = i.indexrelid
left join pg_catalog.pg_inherits as h on h.inhrelid = i.indexrelid
cross join lateral (
    select case when i.indisunique then 'unique ' else '' end || replace(substr(d.whole, strpos(d.whole, ' USING ') + 1), m.name, '{month}')
    from (select pg_get_indexdef(i.indexrelid)) as d (whole)
) as f (definition)
union all
select m.parent, m.name, 'trigger', quote_ident(t.tgname),
    replace(pg_get_triggerdef(t.oid), format(' ON %I.%I ', 'chat_partitions', m.name), ' ON {month} ')
        || case t.tgenabled when 'D' then ' (disabled)' when 'R' then ' (enabled replica)' when 'A' then ' (enabled always)' else '' end,
    null, (select p.tgname from pg_catalog.pg_trigger as p where p.oid = t.tgparentid)
from months as m join pg_catalog.pg_trigger as t on t.tgrelid = m.oid and not t.tgisinternal
union all
select m.parent, m.name, 'policy', quote_ident(p.polname), concat_ws(' ', p.polcmd, pg_get_expr(p.polqual, p.polrelid)), null, null
from months as m join pg_catalog.pg_policy as p on p.polrelid = m.oid
union all
select distinct m.parent, m.name, 'privilege', format('%s to %s', lower(x.privilege_type), g.grantee), '', null, null
from months as m
cross join lateral aclexplode(coalesce(m.relacl, acldefault('r', m.relowner))) as x
cross join lateral (select case x.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end) as g (grantee)
where x.grantee <> m.relowner
