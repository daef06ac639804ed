-- shards: on one node, what each table and each of its shards has: owner, rights, keys, checks, foreign keys, indexes, triggers, policies.
-- Why: Citus changes one shard after the other, and nothing compares them afterwards. Names of shards are cut, so all that is equal is
-- one entry; `on` is null for what the table and all its shards on this node have.
with known as materialized (
    -- Shard 0 is the table itself: on a node without its shards, queries are planned with it.
    select p.logicalrelid::oid as logical, 0::bigint as shard, p.logicalrelid::oid as oid from pg_catalog.pg_dist_partition as p
    union all
    select s.logicalrelid, s.shardid, to_regclass(pg_catalog.shard_name(s.logicalrelid, s.shardid))::oid
    from pg_catalog.pg_dist_shard as s
    join pg_catalog.pg_dist_placement as p on p.shardid = s.shardid
    join pg_catalog.pg_dist_local_group as g on g.groupid = p.groupid
),
named as materialized (
    select k.logical, k.shard, k.oid, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.relpartbound,
        format('%I.%I', n.nspname, c.relname) as name,
        (
            select format('%I.%I', ln.nspname, lc.relname)
            from pg_catalog.pg_class as lc join pg_catalog.pg_namespace as ln on ln.oid = lc.relnamespace where lc.oid = k.logical
        ) as is_of
    from known as k
    join pg_catalog.pg_class as c on c.oid = k.oid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
),
things as (
    select t.is_of, t.shard, 'owner' as kind, '' as own_name, quote_ident(pg_catalog.pg_get_userbyid(t.relowner)) as definition from named as t
    union all
    select t.is_of, t.shard, 'row security', '', concat_ws(', ', case when t.relrowsecurity then 'enabled' end, case when t.relforcerowsecurity then 'forced' end)
    from named as t where t.relrowsecurity or t.relforcerowsecurity
    union all
    select t.is_of, t.shard, 'partition', '', format('of %s %s', p.is_of, pg_catalog.pg_get_expr(t.relpartbound, t.oid))
    from named as t join pg_catalog.pg_inherits as i on i.inhrelid = t.oid join named as p on p.oid = i.inhparent
    union all
    select t.is_of, t.shard, 'grant', '', format('%s to %s%s', lower(a.privilege_type),
        case a.grantee when 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end)
    from named as t cross join lateral aclexplode(t.relacl) as a where a.grantee <> t.relowner
    union all
    select t.is_of, t.shard, 'grant', '', format('%s (%s) to %s%s', lower(a.privilege_type), string_agg(quote_ident(l.attname), ', ' order by l.attname),
        case a.grantee when 0 then 'public' else quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end)
    from named as t
    join pg_catalog.pg_attribute as l on l.attrelid = t.oid and l.attacl is not null
    cross join lateral aclexplode(l.attacl) as a
    where a.grantee <> t.relowner group by t.is_of, t.shard, a.privilege_type, a.grantee, a.is_grantable
    union all
    -- Those of a month that its parent has as well go with the parent.
    select t.is_of, t.shard, case o.contype when 'c' then 'check' when 'f' then 'foreign key' else 'key' end,
        o.conname,
        case o.contype when 'f' then
            regexp_replace(pg_catalog.pg_get_constraintdef(o.oid), 'REFERENCES .*?\(', format('REFERENCES %s(', coalesce(r.is_of, o.confrelid::regclass::text)))
        else pg_catalog.pg_get_constraintdef(o.oid) end
    from named as t
    join pg_catalog.pg_constraint as o on o.conrelid = t.oid and o.contype in ('c', 'f', 'p', 'u', 'x') and o.coninhcount = 0 and o.conparentid = 0
    left join named as r on r.oid = o.confrelid
    union all
    select t.is_of, t.shard, 'index', c.relname,
        regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), ' INDEX .* ON (ONLY )?' || regexp_replace(t.name, '([^\w])', '\\\1', 'g') || ' ', ' INDEX ON ')
            || case when i.indisvalid then '' else ' (invalid)' end
    from named as t
    join pg_catalog.pg_index as i on i.indrelid = t.oid
    join pg_catalog.pg_class as c on c.oid = i.indexrelid and not c.relispartition
    where not exists (select from pg_catalog.pg_constraint as o where o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x'))
    union all
    select t.is_of, t.shard, 'trigger', g.tgname,
        replace(
            regexp_replace(pg_catalog.pg_get_triggerdef(g.oid), ' TRIGGER .*? (BEFORE|AFTER|INSTEAD OF) ', ' TRIGGER \1 '),
            format(' ON %s ', t.name), format(' ON %s ', t.is_of)
        ) || case g.tgenabled when 'D' then ' (disabled)' when 'A' then ' (always)' when 'R' then ' (replica)' else '' end
    from named as t
    join pg_catalog.pg_trigger as g on g.tgrelid = t.oid and not g.tgisinternal and g.tgparentid = 0
        -- Citus keeps triggers on TRUNCATE on the table alone.
        and (g.tgtype & 32) = 0
    union all
    select t.is_of, t.shard, 'policy', p.polname, concat_ws(' ', case when p.polpermissive then 'as permissive' else 'as restrictive' end,
        case p.polcmd when '*' then 'for all' when 'r' then 'for select' when 'a' then 'for insert' when 'w' then 'for update' else 'for delete' end,
        'to ' || case when p.polroles = '{0}' then 'public' else (
            select string_agg(quote_ident(r.rolname), ', ' order by r.rolname) from pg_catalog.pg_roles as r where r.oid = any (p.polroles)
        ) end,
        'using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', 'with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    from named as t join pg_catalog.pg_policy as p on p.polrelid = t.oid
),
counted as (select is_of, array_agg(shard order by shard) as shards from named group by is_of),
plain as (
    select h.is_of, h.shard, h.kind, regexp_replace(h.own_name, format('_%s$', h.shard), '') as name, h.own_name, h.definition from things as h
),
same as (
    -- Of the name of a check, some shards have the number of the shard at the end and others do not.
    select h.is_of, h.kind, h.name, h.definition, array_agg(distinct h.shard) as shards, bool_or(h.own_name <> h.name) as has_number
    from plain as h group by h.is_of, h.kind, h.name, h.definition
)
select jsonb_build_object(
    'tables', (select jsonb_object_agg(c.is_of, c.shards) from counted as c),
    'lost', (
        select coalesce(jsonb_agg(jsonb_build_array(k.logical::regclass::text, k.shard)), '[]') from known as k where k.oid is null
    ),
    'things', (
        select coalesce(jsonb_agg(jsonb_build_array(s.is_of, s.kind, s.name, s.definition, case when cardinality(s.shards) <> cardinality(c.shards) then to_jsonb(s.shards) end, s.has_number)), '[]')
        from same as s join counted as c using (is_of)
    )
)::text
