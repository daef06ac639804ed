-- index_usage: every index with its size and scans, its parts summed; beside table_tree, index_tree, index_keys, elsewhere
--   and locked.
-- Why: only the whole index can be dropped.
select
    t.root,
    c.oid::regclass::text as index,
    k.*,
    coalesce(tt.root, k.indrelid) as table_root,
    m.bytes,
    m.scans + coalesce(e.scans, 0) as scans,
    m.last_scan_at,
    m.is_locked
from (
    select
        t.root,
        sum({size_unless_locked})::bigint as bytes,
        sum(pg_stat_get_numscans(t.member))::bigint as scans,
        max({last_scan}) as last_scan_at,
        bool_or(l.is_locked) as is_locked,
        sum(o.scans)::bigint as elsewhere
    from {sized_indexes}
    left join elsewhere as o on o.index = t.member
    group by t.root
) as m
cross join lateral (select m.root, coalesce(m.elsewhere, 0) as scans) as e
join index_tree as t on t.root = m.root and t.member = m.root
join pg_catalog.pg_class as c on c.oid = t.root
join index_keys as k on k.indexrelid = t.root
left join table_tree as tt on tt.member = k.indrelid
