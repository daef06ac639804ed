-- snapshot_tables: reads and writes of every table, its partitions summed.
-- Why: a table that is suddenly read completely has lost an index, or the statistics that made the planner choose it.
with recursive
locked as materialized ({locked}),
table_tree as ({table_tree})
select
    t.root::bigint as oid,
    t.root::regclass::text as name,
    coalesce(sum(s.seq_scan), 0)::bigint as seq_scans,
    coalesce(sum(s.seq_tup_read), 0)::bigint as seq_rows,
    coalesce(sum(s.idx_scan), 0)::bigint as index_scans,
    coalesce(sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del), 0)::bigint as writes,
    coalesce(sum({size_unless_locked}), 0)::bigint as bytes
from table_tree as t
join pg_catalog.pg_class as c on c.oid = t.member
cross join lateral (select t.member in (select relation from locked) as is_locked) as l
left join pg_catalog.pg_stat_user_tables as s on s.relid = t.member
group by t.root
order by 2
/* chatschema report */
