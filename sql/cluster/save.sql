-- save: the statements that put back what distribute drops or replaces, into chatschema.before_cluster, in the order to run them.
-- Why: the way back restores this database, with its own later changes, and not what a file says.
insert into chatschema.before_cluster (kind, object, statement)
with moved as materialized (
    select c.oid, format('%I.%I', n.nspname, c.relname) as name
    from unnest({tables}::text[]) as w (name)
    join pg_catalog.pg_class as c on c.oid = w.name::regclass
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
),
saved as (
    -- What undo may not go back past: the forms for shards stand on these.
    select 0 as step, 'migration' as kind, y.migration_id as object, '' as statement, 1 as n from chatschema._yoyo_migration as y
    union all
    select 1 as step, 'function' as kind, p.oid::regprocedure::text as object, pg_get_functiondef(p.oid) as statement, 1 as n
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'chatschema'::regnamespace and p.proname = any ({functions}::text[])
    union all
    -- The keys that distribute changes: their own names, so that nobody's other key is touched.
    select 3, 'key', format('%s %I', m.name, o.conname),
        format('alter table %s add constraint %I %s', m.name, o.conname, pg_get_constraintdef(o.oid)), 1
    from moved as m join pg_catalog.pg_constraint as o on o.conrelid = m.oid
    where o.contype in ('p', 'u') and o.conname = any ({keys}::text[])
    union all
    select 4, 'foreign key', format('%s %I', o.conrelid::regclass, o.conname),
        format('alter table %s add constraint %I %s', o.conrelid::regclass, o.conname, pg_get_constraintdef(o.oid)), 1
    from pg_catalog.pg_constraint as o
    where o.contype = 'f' and o.conparentid = 0
        and (o.conrelid in (select oid from moved) or o.confrelid in (select oid from moved))
    union all
    select 5, 'trigger', format('%s %I', m.name, t.tgname), pg_get_triggerdef(t.oid), 1
    from moved as m join pg_catalog.pg_trigger as t on t.tgrelid = m.oid and not t.tgisinternal
    union all
    select 6, 'policy', format('%s %I', m.name, p.polname), concat_ws(
        ' ', format('create policy %I on %s as %s for %s to %s', p.polname, m.name,
            case when p.polpermissive then 'permissive' else 'restrictive' end,
            case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
            case when p.polroles = '{{0}}' then 'public' else (
                select string_agg(quote_ident(r.rolname), ', ' order by r.rolname) from pg_catalog.pg_roles as r where r.oid = any (p.polroles)
            ) end),
        'using (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
    ), 1
    from moved as m join pg_catalog.pg_policy as p on p.polrelid = m.oid
    union all
    select 7, 'comment', c.object, format('comment on %s is %L', c.object, c.text), 1
    from (
        select format('table %s', m.name) as object, d.description as text
        from moved as m join pg_catalog.pg_description as d on d.objoid = m.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
        union all
        select format('column %s.%I', m.name, a.attname), d.description
        from moved as m join pg_catalog.pg_description as d on d.objoid = m.oid and d.classoid = 'pg_class'::regclass and d.objsubid > 0
        join pg_catalog.pg_attribute as a on a.attrelid = m.oid and a.attnum = d.objsubid
        union all
        select format('index %s', i.indexrelid::regclass), d.description
        from moved as m join pg_catalog.pg_index as i on i.indrelid = m.oid
        join pg_catalog.pg_description as d on d.objoid = i.indexrelid and d.classoid = 'pg_class'::regclass
        union all
        select format('constraint %I on %s', o.conname, o.conrelid::regclass), d.description
        from pg_catalog.pg_constraint as o
        join pg_catalog.pg_description as d on d.objoid = o.oid and d.classoid = 'pg_constraint'::regclass
        where o.conrelid in (select oid from moved) or o.confrelid in (select oid from moved)
        union all
        select format('trigger %I on %s', t.tgname, m.name), d.description
        from moved as m join pg_catalog.pg_trigger as t on t.tgrelid = m.oid
        join pg_catalog.pg_description as d on d.objoid = t.oid and d.classoid = 'pg_trigger'::regclass
        union all
        select format('policy %I on %s', p.polname, m.name), d.description
        from moved as m join pg_catalog.pg_policy as p on p.polrelid = m.oid
        join pg_catalog.pg_description as d on d.objoid = p.oid and d.classoid = 'pg_policy'::regclass
    ) as c
)
select s.kind, s.object, s.statement from saved as s
where s.kind = any ({kinds}::text[]) and (s.kind <> 'trigger' or (s.object <> all ({own}::text[]) and s.object not like '% truncate\_trigger\_%'))
order by s.step, s.object, s.n;
