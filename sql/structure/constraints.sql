-- constraints: what the tables refuse by their declaration, months left out: kind, table, name, comment, and the table referred to.
-- Why: an application knows an error by its constraint. Kinds r and a are foreign keys from their other side, n a column without null.
with tables as (
    select c.oid, n.nspname || '.' || c.relname as name
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'chatschema') and c.relkind in ('r', 'p') and not c.relispartition
        -- What belongs to the ledger is the commands'.
        and (n.nspname, c.relname) not in (
            select 'chatschema', unnest(array['_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock', 'migrations', 'protection', 'seeds',
                'seeded_rows', 'schema_records', 'batches', 'kept_by_reset', 'repeatables'])
        )
)
select k.contype::text as kind, t.name as table_name, k.conname::text as name, obj_description(k.oid, 'pg_constraint') as cause,
    null::text as referenced
from pg_catalog.pg_constraint as k join tables as t on t.oid = k.conrelid
where k.contype in ('c', 'u', 'p', 'f')
union all
select k.confdeltype::text, t.name, k.conname, obj_description(k.oid, 'pg_constraint'), r.relname
from pg_catalog.pg_constraint as k join tables as t on t.oid = k.conrelid join pg_catalog.pg_class as r on r.oid = k.confrelid
where k.contype = 'f' and k.confdeltype in ('a', 'r')
union all
select 'u', t.name, c.relname, obj_description(c.oid, 'pg_class'), null
from pg_catalog.pg_index as i join tables as t on t.oid = i.indrelid join pg_catalog.pg_class as c on c.oid = i.indexrelid
where i.indisunique and not exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid)
union all
select 'n', t.name, a.attname, col_description(a.attrelid, a.attnum), null
from pg_catalog.pg_attribute as a join tables as t on t.oid = a.attrelid
where a.attnum > 0 and a.attnotnull and not a.attisdropped
    -- Those that a client may leave out.
    and not a.atthasdef and a.attidentity = '' and t.name like 'public.%'
    -- Without its key, a row has no partition.
    and not exists (select from pg_catalog.pg_partitioned_table as p where p.partrelid = t.oid and a.attnum = any (p.partattrs::int2[]))
