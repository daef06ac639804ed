-- replication: publications that have a table that leaves the coordinator, and subscriptions that write to one.
-- Why: its rows are on the workers then, which a publication of the coordinator does not send, and a subscription does not reach.
with ours as (
    select c.oid, c.relname from pg_catalog.pg_class as c
    where c.oid in (select to_regclass('public.' || m.name) from unnest({moving}::text[]) as m (name))
)
select 'publication' as kind, t.pubname::text as name, string_agg(distinct o.relname, ', ' order by o.relname) as tables
from pg_catalog.pg_publication_tables as t
join pg_catalog.pg_class as c on c.relname = t.tablename and c.relnamespace = to_regnamespace(quote_ident(t.schemaname))
left join pg_catalog.pg_inherits as h on h.inhrelid = c.oid
join ours as o on o.oid in (c.oid, h.inhparent)
group by t.pubname
union all
-- Until it is refreshed the first time, nobody knows which tables a subscription writes to.
select 'subscription', s.subname::text, string_agg(distinct o.relname, ', ' order by o.relname)
from pg_catalog.pg_subscription as s
left join pg_catalog.pg_subscription_rel as r on r.srsubid = s.oid
left join pg_catalog.pg_inherits as h on h.inhrelid = r.srrelid
left join ours as o on o.oid in (r.srrelid, h.inhparent)
where s.subdbid = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
group by s.subname
having count(o.oid) > 0 or count(r.srrelid) = 0
order by 1, 2
/* chatschema */
