-- passwords: passwords stored in pg_stat_statements.
-- Why: Everybody who may read all statistics can read these statements, and so can every tool that copies them. This report never
--   prints their texts. In psql, \password sends only a hash. A password that was stored here is no longer secret: change it.
-- Check kept: a role set a password in plain text.
-- Needs: pg_stat_statements
-- Fully: pg_read_all_stats
with
kept as (
    select coalesce(r.rolname::text, 'a role that was dropped') as role, s.userid, s.dbid, s.queryid, s.calls
    from {pg_stat_statements}.pg_stat_statements as s
    left join pg_catalog.pg_roles as r on r.oid = s.userid
    where s.dbid = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
        and s.query ~* '\m(create|alter)\s+(role|user|group|subscription|server|foreign)\M.*\mpassword\s*(=|\s)\s*(e|u&)?(''|\$[^0-9])|\mconnection\s+(e|u&)?''[^'']*password\s*='
        -- A hash is not a password.
        and s.query !~* '\mpassword\s+''(scram-sha-256\$|md5[0-9a-f]{{32}}'')'
)
select
    k.role as object, count(*) as statements, sum(k.calls)::bigint as calls,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from kept as k
group by k.role
union all
select
    k.role, null, null, 'warn', 'kept', format('pg_stat_statements stores %s statements with a password in plain text', count(*)), count(*), null,
    '-- removes only these statements; then change the passwords with \password in psql' || E'\n'
        || string_agg(distinct format('select %I.pg_stat_statements_reset(%s, %s, %s);', n.nspname, k.userid, k.dbid, k.queryid), E'\n'),
    null
from kept as k
cross join (
    select n.nspname from pg_catalog.pg_extension as e join pg_catalog.pg_namespace as n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'
) as n
group by k.role
order by object
