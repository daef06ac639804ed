-- connections: the connection slots in use, and who uses them.
-- Why: When all slots are in use, the server refuses the application. Only clients count: the server's own processes need no slot,
--   and the last slots are reserved for administrators.
-- Check used: most of the slots for clients are in use.
-- Threshold used_warn_pct = 70: warn from this percentage of slots in use
-- Threshold used_critical_pct = 85: critical from this percentage of slots in use
-- Fully: pg_read_all_stats
-- Acute: yes
with
clients as materialized (
    select
        a.pid, a.usename, a.datname,
        -- The state of another role's session is hidden; the session itself is not.
        case when a.state is null then 'hidden' else a.state end as state,
        nullif(a.application_name, '') as application,
        coalesce(host(a.client_addr), case when a.state is not null then 'local' end) as client,
        a.state_change,
        a.wait_event_type is not distinct from 'Lock' as is_waiting
    from pg_catalog.pg_stat_activity as a
    where (a.backend_type = 'client backend' or (a.backend_type is null and a.datname is not null)) and a.pid <> pg_backend_pid()
),
limits as (
    select
        current_setting('max_connections')::integer as configured,
        current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true), '0')::integer as all
),
places as (
    select
        count(c.pid) as used,
        l.all,
        l.configured,
        count(*) filter (where c.is_waiting) as waiting,
        count(*) filter (where c.state = 'idle') as idle,
        -- The number of sessions that have to end so that this is no longer a warning.
        greatest(count(c.pid) - ceil({used_warn_pct}::numeric * l.all / 100)::bigint + 1, 1) as surplus
    from limits as l
    left join clients as c on true
    group by l.all, l.configured
),
-- By application and role, the most sessions first; the fourth and later ones are counted together.
ranked as (
    select
        coalesce(c.application, 'no name') as application, coalesce(c.usename, 'hidden') as usename, count(*) as sessions,
        row_number() over (order by count(*) desc, c.application, c.usename) as place
    from clients as c
    group by c.application, c.usename
),
named as (
    select string_agg(n.words, ', ' order by n.place) as who
    from (
        select r.place, format('%s %s (%s)', r.sessions, r.application, r.usename) as words from ranked as r where r.place <= 3
        union all
        select 4, format('%s others', sum(r.sessions)) from ranked as r where r.place > 3 having count(*) > 0
    ) as n
)
select
    coalesce(c.usename, 'hidden')::text || '@' || coalesce(c.datname, '-')::text as object,
    count(*) as connections,
    c.state,
    c.application,
    c.client,
    extract(epoch from clock_timestamp() - min(c.state_change))::double precision * 1000 as longest_in_state_ms,
    null::bigint as used, null::integer as places,
    null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo,
    null as cause
from clients as c
group by c.usename, c.datname, c.state, c.application, c.client
union all
select 'all clients', null, null, null, null, null, p.used, p.all, null, null, null, null, null, null, null, null
from places as p
union all
select
    null, null, null, null, null, null, null, null,
    case when 100.0 * p.used / p.all >= {used_critical_pct} then 'critical' else 'warn' end,
    'used',
    format('%s of %s connection slots are in use: %s', p.used, p.all, n.who)
        || case when p.waiting > 0 then format('; %s of them wait for a lock', p.waiting) else '' end,
    100.0 * p.used / p.all, {used_warn_pct},
    case
        when p.waiting * 2 >= p.used then 'chatschema report locks'
        when p.idle >= p.surplus then format(
            E'-- ends the %s sessions that have been idle longest; a pool reopens them, so then reduce its size or add a pooler\n'
            'select pg_terminate_backend(i.pid) from (select pid from pg_stat_activity where backend_type = ''client backend'''
            ' and state = ''idle'' and pid <> pg_backend_pid() order by state_change limit %1$s) as i;', p.surplus)
        else format(E'-- only %s sessions are idle; a higher limit needs a restart, and memory for each connection\nalter system set max_connections = %s;',
            p.idle, p.configured + p.surplus)
    end,
    case when p.waiting * 2 < p.used and p.idle < p.surplus then format('alter system set max_connections = %s;', p.configured) end,
    case when p.waiting * 2 >= p.used then 'locks' end
from places as p
cross join named as n
where 100.0 * p.used / p.all >= {used_warn_pct}
order by connections desc nulls last, object
