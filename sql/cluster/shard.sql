-- shard: on its node, how many conversations shard :shard has, and the bytes of all shards that hold the same conversations.
-- Why: writers of all of them wait while one conversation gets a shard of its own.
select jsonb_build_array(
    (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %s', pg_catalog.shard_name('public.conversations', :shard)), false, true, '')))[1]::text::bigint,
    sum(pg_catalog.pg_total_relation_size(to_regclass(pg_catalog.shard_name(s.logicalrelid, s.shardid))))
)::text
from pg_catalog.pg_dist_shard as s
join pg_catalog.pg_dist_partition as p using (logicalrelid)
join pg_catalog.pg_dist_shard as o on o.shardid = :shard
join pg_catalog.pg_dist_partition as q on q.logicalrelid = o.logicalrelid
where p.colocationid = q.colocationid and s.shardminvalue = o.shardminvalue
