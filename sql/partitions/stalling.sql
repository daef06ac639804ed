-- stalling: who would keep a concurrent detach waiting: transactions that have used the table, older than a second.
-- Why: a detach waits for them with its month out of sight already, so it does not begin while they run.
select
    coalesce(a.pid::text, 'prepared ' || p.gid) as who,
    coalesce(nullif(a.application_name, ''), a.backend_type, 'prepared transaction') as application,
    coalesce(a.state, 'prepared') as state,
    extract(epoch from clock_timestamp() - coalesce(a.xact_start, p.prepared))::integer as seconds
from (
    select distinct pid, virtualtransaction from pg_catalog.pg_locks
    where relation = to_regclass(%(parent)s) and database = (select oid from pg_database where datname = current_database()) and granted
) as l
left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
left join pg_catalog.pg_prepared_xacts as p on l.pid is null and p.transaction::text = split_part(l.virtualtransaction, '/', 2)
where l.pid is distinct from pg_backend_pid()
    and coalesce(a.xact_start, p.prepared) < clock_timestamp() - interval '1 second'
order by coalesce(a.xact_start, p.prepared)
limit 1
