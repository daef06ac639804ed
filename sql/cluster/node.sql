-- node: of one node, the versions of Citus and PostgreSQL, how many shards it has, and their bytes.
-- Why: the sizes of tables on the coordinator are those of the coordinator alone.
with waits as materialized (
    -- Nobody waits long for an answer about sizes.
    select set_config('lock_timeout', '5s', true)
)
select jsonb_build_array(
    (select e.extversion from pg_catalog.pg_extension as e where e.extname = 'citus'),
    split_part(current_setting('server_version'), ' ', 1),
    count(*),
    coalesce(sum(pg_catalog.pg_total_relation_size(to_regclass(pg_catalog.shard_name(s.logicalrelid, s.shardid)))), 0)
)::text
from waits
cross join pg_catalog.pg_dist_shard as s
join pg_catalog.pg_dist_placement as p on p.shardid = s.shardid
join pg_catalog.pg_dist_local_group as g on g.groupid = p.groupid
