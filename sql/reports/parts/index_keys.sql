-- index_keys: the definition of an index in a form that can be compared, and whether it must never be dropped.
-- Why: two indexes are the same when every key has the same column, operator class, collation and order, as arrays, not as text
--   that happens to begin alike. The catalog's expression trees are compared without token positions, and no table is opened.
select
    x.indexrelid,
    x.indrelid,
    c.relam,
    c.relkind = 'I' as is_partitioned,
    a.amname = 'btree' as is_btree,
    a.amname in ('btree', 'hash') as finds_equals,
    x.indisunique as is_unique,
    x.indnullsnotdistinct as nulls_not_distinct,
    x.indisvalid and x.indisready as is_valid,
    x.indexprs is not null as has_expression,
    b.is_backing,
    b.is_backing or x.indisunique or x.indisexclusion or c.relispartition as is_protected,
    array(
        select format('%s/%s/%s/%s', k.attnum, k.opclass, k.coll, k.opt)
        from unnest(x.indkey::smallint[], x.indclass::oid[], x.indcollation::oid[], x.indoption::smallint[])
            with ordinality as k (attnum, opclass, coll, opt, place)
        where k.place <= x.indnkeyatts
        order by k.place
    ) as keys,
    array(
        select format('%s/%s/%s/%s', k.attnum, k.opclass, k.coll, k.opt::integer # 3)
        from unnest(x.indkey::smallint[], x.indclass::oid[], x.indcollation::oid[], x.indoption::smallint[])
            with ordinality as k (attnum, opclass, coll, opt, place)
        where k.place <= x.indnkeyatts
        order by k.place
    ) as reversed_keys,
    -- The vector counts from 0, a slice of it from 1.
    (x.indkey::smallint[])[0:x.indnkeyatts - 1] as key_columns,
    x.indkey::smallint[] as all_columns,
    regexp_replace(x.indexprs::text, ':location -?\d+', '', 'g') as expressions,
    regexp_replace(x.indpred::text, ':location -?\d+', '', 'g') as predicate
from pg_catalog.pg_index as x
join pg_catalog.pg_class as c on c.oid = x.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
join pg_catalog.pg_am as a on a.oid = c.relam
cross join lateral (
    select x.indisprimary or x.indisreplident or x.indisclustered
        or exists (select from pg_catalog.pg_constraint as k where k.conindid = x.indexrelid) as is_backing
) as b
-- A part of a partitioned index is judged with the whole, unless its partition has an index of its own beside it,
-- or a foreign key of its own.
where not c.relispartition or not (x.indisvalid and x.indisready)
    or x.indrelid in (
        select own.indrelid
        from pg_catalog.pg_index as own
        join pg_catalog.pg_class as o on o.oid = own.indexrelid and not o.relispartition
        join pg_catalog.pg_class as of on of.oid = own.indrelid and of.relispartition
    )
    or x.indrelid in (select f.conrelid from pg_catalog.pg_constraint as f where f.contype = 'f' and f.conparentid = 0)
