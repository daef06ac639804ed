-- groups: on one node, the shards that move together, those of the same conversations: how many, and their bytes with indexes.
-- Why: the plan of Citus counts no months.
select coalesce(jsonb_object_agg(g.name, jsonb_build_array(g.shards, g.bytes)), '{}')::text
from (
    select format('%s/%s', p.colocationid, s.shardminvalue) as name, count(*) as shards,
        sum(pg_catalog.pg_total_relation_size(to_regclass(pg_catalog.shard_name(s.logicalrelid, s.shardid)))) as bytes
    from pg_catalog.pg_dist_shard as s
    join pg_catalog.pg_dist_partition as p using (logicalrelid)
    join pg_catalog.pg_dist_placement as l on l.shardid = s.shardid
    join pg_catalog.pg_dist_local_group as o on o.groupid = l.groupid
    group by 1
) as g
