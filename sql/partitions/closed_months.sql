-- closed_months: tables of months that have ended and have pages that are not frozen or not marked all-visible.
-- Why: no session writes to them any more. Frozen once, they never start autovacuum again, and index-only scans stay fast.
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
