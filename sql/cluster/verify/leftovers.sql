-- leftovers: on one node, tables that are named as a shard and are none of this node, and prepared transactions.
-- Why: a move that was cut off leaves the first, and a crash the second, which holds its locks and keeps VACUUM from its rows.
with known as materialized (
    select to_regclass(pg_catalog.shard_name(s.logicalrelid, s.shardid))::oid as oid
    from pg_catalog.pg_dist_shard as s
    join pg_catalog.pg_dist_placement as p on p.shardid = s.shardid
    join pg_catalog.pg_dist_local_group as g on g.groupid = p.groupid
),
tables as materialized (
    select p.logicalrelid as oid, c.relnamespace from pg_catalog.pg_dist_partition as p join pg_catalog.pg_class as c on c.oid = p.logicalrelid
),
suspects as materialized (
    select c.oid, c.relnamespace, n.nspname, c.relname, substring(c.relname from '_(\d{5,18})$')::bigint as shard
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relname ~ '_\d{5,18}$' and c.relnamespace in (select relnamespace from tables)
        and c.oid not in (select oid from known where oid is not null)
)
select jsonb_build_object(
    'orphans', (
        select coalesce(jsonb_agg(jsonb_build_array(format('%I.%I', s.nspname, s.relname), pg_catalog.pg_table_size(s.oid)) order by s.nspname, s.relname), '[]')
        from suspects as s
        where exists (
            select from tables as t
            where t.relnamespace = s.relnamespace and to_regclass(pg_catalog.shard_name(t.oid, s.shard)) = s.oid
        )
    ),
    'prepared', (
        select coalesce(jsonb_agg(jsonb_build_array(x.gid, x.owner, extract(epoch from clock_timestamp() - x.prepared)) order by x.prepared), '[]')
        from pg_catalog.pg_prepared_xacts as x where x.database = current_database()
    )
)::text
