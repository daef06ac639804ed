-- locked: relations that somebody has locked, or waits to lock, against everybody.
-- Why: measuring or describing one of them would wait; they are shown with what the catalog remembers.
select l.relation
from pg_catalog.pg_locks as l
where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
