-- snapshot_indexes: scans and size of every index, its parts summed, and the statement that creates it.
-- Why: a dropped index is the first suspect when a query of its table reads more, and its statement restores it. For a locked table the
--   size is the one in the catalog, and the statement is left out.
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree}),
index_tree as ({index_tree}),
summed as (
    select
        t.root,
        coalesce(sum(s.idx_scan), 0)::bigint as scans,
        coalesce(sum({size_unless_locked}), 0)::bigint as bytes,
        -- Version 16 and later.
        max((to_jsonb(s) ->> 'last_idx_scan')::timestamptz) as last_scan_at,
        bool_or(l.is_locked) as is_locked
    from {sized_indexes}
    left join pg_catalog.pg_stat_user_indexes as s on s.indexrelid = t.member
    group by t.root
)
select
    m.root::bigint as oid,
    m.root::regclass::text as name,
    coalesce(t.root, x.indrelid)::regclass::text as table,
    m.scans,
    m.bytes,
    m.last_scan_at,
    m.root in (select f.conindid from pg_catalog.pg_constraint as f where f.contype = 'f') as is_referenced,
    case when not m.is_locked then replace(pg_get_indexdef(m.root), ' ON ONLY ', ' ON ') end as definition
from summed as m
join pg_catalog.pg_index as x on x.indexrelid = m.root
left join table_tree as t on t.member = x.indrelid
order by 2
/* chatschema report */
