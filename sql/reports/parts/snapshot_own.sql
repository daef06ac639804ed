-- snapshot_own: how many queries chatschema itself ran in this database.
-- Why: each of these is a transaction that no client of the application began; 20 of them would hide 100 of the application's.
select coalesce(sum(s.calls), 0)::bigint as transactions
from {pg_stat_statements}.pg_stat_statements as s
where s.dbid = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
    and s.query ~ '/\* chatschema( report)? \*/\s*$'
/* chatschema report */
