-- connections: who is connected, from where, and how many more may come.
-- Why: at the limit the server refuses the application. Only clients count: the server's own processes need none of these places,
--   and the last ones are reserved for those who repair it.
-- Check used: places in use, of those that clients may have.
-- Threshold used_warn_pct = 70: percent in use that is a warning
-- Threshold used_critical_pct = 85: percent in use that is critical
-- Fully: pg_read_all_stats
with
clients as materialized (
    select
        a.pid, a.usename, a.datname,
        -- What another role does is hidden; that it is there is not.
        case when a.state is null then 'hidden' else a.state end as state,
        nullif(a.application_name, '') as application,
        coalesce(host(a.client_addr), case when a.state is not null then 'local' end) as client,
        a.state_change
    from pg_catalog.pg_stat_activity as a
    where (a.backend_type = 'client backend' or (a.backend_type is null and a.datname is not null)) and a.pid <> pg_backend_pid()
),
places as (
    select
        (select count(*) from clients) as used,
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true), '0')::integer as all
)
select
    coalesce(c.usename, 'hidden')::text || '@' || coalesce(c.datname, '-')::text as object,
    count(*) as connections,
    c.state,
    c.application,
    c.client,
    extract(epoch from max(now() - c.state_change))::double precision * 1000 as longest_in_state_ms,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo
from clients as c
group by c.usename, c.datname, c.state, c.application, c.client
union all
select
    null, null, null, null, null, null,
    case when 100.0 * p.used / p.all >= {used_critical_pct} then 'critical' else 'warn' end,
    'used',
    format('%s of %s places are in use, mostly by %s', p.used, p.all, m.who),
    100.0 * p.used / p.all, {used_warn_pct},
    format(E'-- end those idle for an hour; then put a pooler in front, or raise max_connections (needs a restart):\n'
        'select pg_terminate_backend(pid) from pg_stat_activity where state = ''idle'' and state_change < now() - interval ''1 hour'';'),
    null
from places as p
cross join lateral (
    select format('%s (%s)', coalesce(c.application, c.usename, 'hidden'), count(*)) as who
    from clients as c
    group by c.application, c.usename
    order by count(*) desc
    limit 1
) as m
where 100.0 * p.used / p.all >= {used_warn_pct}
order by connections desc nulls last, object
