-- measure: size, indexes and estimated rows of the named month tables.
-- Why: pg_total_relation_size waits for a locked table; the caller gives up after a second and shows the other tables.
select
    c.relname as name,
    case when c.reltuples >= 0 then c.reltuples::bigint when pg_relation_size(c.oid) = 0 then 0 end as rows,
    pg_total_relation_size(c.oid) as bytes,
    (select count(*)::integer from pg_catalog.pg_index as x where x.indrelid = c.oid) as indexes
from pg_catalog.pg_class as c
where c.relnamespace = to_regnamespace('chat_partitions') and c.relname = any (%(names)s)
