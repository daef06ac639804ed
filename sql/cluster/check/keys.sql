-- keys: unique and exclusion keys of the distributed tables whose columns do not include the one that distributes.
-- Why: Citus can only compare rows of one shard, so such a key cannot be kept. Keys of months that their parent has are left out.
with placed (name, distributed_by) as (select * from jsonb_each_text({placed}))
select
    format('%I.%I', n.nspname, c.relname) as table_name,
    x.relname::text as name,
    p.distributed_by,
    case when k.contype = 'x' then 'exclusion' when i.indisprimary then 'primary' else 'unique' end as kind
from placed as p
join pg_catalog.pg_class as parent on parent.oid = to_regclass('public.' || p.name)
join lateral (
    select parent.oid union all select h.inhrelid from pg_catalog.pg_inherits as h where h.inhparent = parent.oid
) as t (oid) on true
join pg_catalog.pg_class as c on c.oid = t.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_index as i on i.indrelid = c.oid
join pg_catalog.pg_class as x on x.oid = i.indexrelid
left join pg_catalog.pg_constraint as k on k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
where (i.indisunique or i.indisexclusion)
    and not exists (select from pg_catalog.pg_inherits as h where h.inhrelid = i.indexrelid)
    and not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = p.distributed_by and a.attnum = any (i.indkey[0:i.indnkeyatts - 1])
            -- An exclusion has to compare it with =.
            and (k.contype is distinct from 'x' or exists (
                select from unnest(k.conkey, k.conexclop) as e (attnum, operator)
                join pg_catalog.pg_operator as o on o.oid = e.operator
                where e.attnum = a.attnum and o.oprname = '='
            ))
    )
order by 1, 2
/* chatschema */
