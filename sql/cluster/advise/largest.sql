-- largest: the conversation with the most messages, by the planner's statistics of each month, and the messages of all months.
-- Why: counting would read every message. ANALYZE keeps the most common conversations of a month with their shares; summed over
--   the months, weighted by their rows. A role sees the statistics of the columns that it may read, and none under row policies.
with
parts as (
    select c.oid, n.nspname, c.relname, greatest(c.reltuples, 0) as rows
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where i.inhparent = to_regclass('public.messages')
),
common as (
    select v.id, sum(v.share * p.rows) as messages
    from parts as p
    join pg_catalog.pg_stats as s on s.schemaname = p.nspname and s.tablename = p.relname and s.attname = 'conversation_id'
    cross join lateral unnest(s.most_common_vals::text::text[], s.most_common_freqs) as v (id, share)
    group by v.id
)
select
    (select count(*) from parts where rows > 0) as analyzed,
    (
        select count(*) from parts as p
        join pg_catalog.pg_stats as s on s.schemaname = p.nspname and s.tablename = p.relname and s.attname = 'conversation_id'
        where p.rows > 0
    ) as visible,
    (select coalesce(sum(rows), 0)::bigint from parts) as messages,
    top.id,
    top.messages::bigint as largest
from (select 1) as one
left join (select c.id, c.messages from common as c order by c.messages desc, c.id limit 1) as top on true
/* chatschema */
