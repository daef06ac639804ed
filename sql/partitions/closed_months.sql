-- closed_months: tables of months that are over and have pages that vacuum has not frozen and found all visible.
-- Why: nobody writes there any more; frozen once, they never wake autovacuum again, and index-only scans stay so.
select c.relname as name
from pg_catalog.pg_class as c
join unnest(%(names)s::text[]) as n (name) on n.name = c.relname
where c.relnamespace = to_regnamespace('chat_partitions')
    and pg_relation_size(c.oid) > 0
    and (
        c.relallvisible < c.relpages or c.relpages = 0 or c.reltuples < 0
        or age(c.relfrozenxid) > current_setting('vacuum_freeze_min_age')::bigint
    )
order by c.relname
