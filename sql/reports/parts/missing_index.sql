-- missing_index: for each foreign key without a supporting index, the statements that create one; beside foreign_keys and
--   supporting_indexes.
-- Why: created as a whole, a partitioned index blocks writes. So it is created part by part: on each partitioned table alone, on each
--   partition concurrently, and attached from the bottom up. Existing indexes are used, so the statements may be run again; the
--   others get free names.
with recursive lacking as (
    select f.root as foreign_key, f.conrelid, c.relkind = 'p' as is_partitioned, n.*, s.nspname, free.name
    from foreign_keys as f
    join pg_catalog.pg_class as c on c.oid = f.conrelid
    join pg_catalog.pg_namespace as s on s.oid = c.relnamespace
    cross join lateral (
        select
            array_agg(a.attname order by k.at) as names,
            string_agg(quote_ident(a.attname), ', ' order by k.at) as columns,
            'idx_' || c.relname || '_' || string_agg(a.attname, '_' order by k.at) as base
        from unnest(f.conkey) with ordinality as k (attnum, at)
        join pg_catalog.pg_attribute as a on a.attrelid = f.conrelid and a.attnum = k.attnum
    ) as n
    cross join lateral (select n.base, '' as ending, c.relnamespace, c.relkind = 'p' as is_partitioned) as wanted
    cross join lateral ({free_name}) as free
    where f.oid = f.root and not exists (select from supporting_indexes as u where u.foreign_key = f.oid and u.relation = f.conrelid)
),
nodes as (
    select l.foreign_key, l.conrelid as member, null::oid as parent, 0 as depth, false as is_supported
    from lacking as l
    union all
    select
        p.foreign_key, i.inhrelid, p.member, p.depth + 1,
        p.is_supported or exists (select from supporting_indexes as u where u.foreign_key = p.foreign_key and u.relation = i.inhrelid)
    from nodes as p
    join pg_catalog.pg_inherits as i on i.inhparent = p.member
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
),
named as (
    select
        n.*, l.columns, c.relkind, format('%I.%I', s.nspname, c.relname) as table_name, there.is_part, there.relname is not null as is_there,
        row_number() over (partition by n.foreign_key order by n.depth, c.relname, n.member) as number,
        quote_ident(coalesce(there.relname, case
            when n.depth = 0 then l.name
            else l.name || '_' || row_number() over (partition by n.foreign_key order by n.depth, c.relname, n.member) - 1
        end)) as index_name,
        quote_ident(s.nspname) as schema_name
    from nodes as n
    join lacking as l on l.foreign_key = n.foreign_key
    join pg_catalog.pg_class as c on c.oid = n.member and c.relkind in ('r', 'p')
    join pg_catalog.pg_namespace as s on s.oid = c.relnamespace
    left join lateral (
        -- An index that can be attached: the same columns, everything else as by default.
        select o.relname, o.relispartition as is_part
        from pg_catalog.pg_index as x
        join pg_catalog.pg_class as o on o.oid = x.indexrelid
        join pg_catalog.pg_am as m on m.oid = o.relam and m.amname = 'btree'
        where x.indrelid = n.member and l.is_partitioned and (x.indisvalid or o.relkind = 'I') and x.indisready and x.indislive
            and not x.indisunique and x.indexprs is null and x.indpred is null and x.indnatts = cardinality(l.names)
            and l.names = array(
                select a.attname
                from unnest(x.indkey::smallint[], x.indclass::oid[], x.indcollation::oid[]) with ordinality as k (attnum, opclass, coll, at)
                join pg_catalog.pg_opclass as p on p.oid = k.opclass and p.opcdefault
                join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = k.attnum and a.attcollation = k.coll
                order by k.at
            )
            and (
                not o.relispartition
                or exists (
                    select from pg_catalog.pg_inherits as h
                    join pg_catalog.pg_index as y on y.indexrelid = h.inhparent and y.indrelid = n.parent
                    where h.inhrelid = x.indexrelid
                )
            )
        order by o.relispartition desc, x.indisvalid desc, x.indexrelid
        limit 1
    ) as there on true
),
lines as (
    select n.foreign_key, 1 as phase, n.number as place, format('create index if not exists %s on only %s (%s);', n.index_name, n.table_name, n.columns) as line
    from named as n
    where n.relkind = 'p' and not n.is_there
    union all
    select n.foreign_key, 2, 2 * n.number, format('create index concurrently if not exists %s on %s (%s);', n.index_name, n.table_name, n.columns)
    from named as n
    where n.relkind = 'r' and n.depth > 0 and not n.is_there
    union all
    select
        n.foreign_key, case n.relkind when 'r' then 2 else 3 end, case n.relkind when 'r' then 2 * n.number + 1 else -n.number end,
        format('alter index %s.%s attach partition %s.%s;', p.schema_name, p.index_name, n.schema_name, n.index_name)
    from named as n
    join named as p on p.foreign_key = n.foreign_key and p.member = n.parent
    where n.is_part is not true
)
select
    l.foreign_key,
    l.columns,
    coalesce(w.is_supported, false) as is_supported_in_parts,
    case
        when l.is_partitioned then (select string_agg(i.line, E'\n' order by i.phase, i.place) from lines as i where i.foreign_key = l.foreign_key)
        else format('create index concurrently %I on %I.%I (%s);', l.name, l.nspname, c.relname, l.columns)
    end as fix,
    -- A part cannot be detached from the whole: dropping the whole would drop indexes that existed before.
    case
        when not l.is_partitioned then format('drop index concurrently %I.%I;', l.nspname, l.name)
        when not w.is_any_there then format('drop index %I.%I;', l.nspname, l.name)
    end as undo
from lacking as l
join pg_catalog.pg_class as c on c.oid = l.conrelid
cross join lateral (
    select bool_and(n.is_supported) filter (where n.relkind = 'r' and n.depth > 0) as is_supported, bool_or(n.is_there) as is_any_there
    from named as n
    where n.foreign_key = l.foreign_key
) as w
