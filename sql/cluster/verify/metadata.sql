-- metadata: on one node, a digest of which shard is where, by its own copy of Citus's catalog.
-- Why: triggers on shards are planned with the copy of their node.
select md5(coalesce(string_agg(
    format('%s.%s %s %s %s %s', n.nspname, c.relname, s.shardid, s.shardminvalue, s.shardmaxvalue, p.groupid), ',' order by s.shardid, p.groupid
), ''))
from pg_catalog.pg_dist_shard as s
join pg_catalog.pg_dist_placement as p on p.shardid = s.shardid
join pg_catalog.pg_class as c on c.oid = s.logicalrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
