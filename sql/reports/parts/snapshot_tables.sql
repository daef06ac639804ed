-- snapshot_tables: what was read and written of every table, its partitions summed.
-- Why: a table that is suddenly read from end to end has lost an index, or the statistics that chose it.
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
    coalesce(sum(
        case
            when t.member in (select relation from locked) then c.relpages::bigint * current_setting('block_size')::integer
            else pg_relation_size(t.member)
        end
    ), 0)::bigint as bytes
from table_tree as t
join pg_catalog.pg_class as c on c.oid = t.member
left join pg_catalog.pg_stat_user_tables as s on s.relid = t.member
group by t.root
order by 2
/* chatschema report */
