-- pool: sizes of connection pools, and where each number comes from.
-- Why: A server works on about two statements a core at a time. More sessions than that do not do more: each waits longer for the
--   others, and the memory of each is gone for the cache. So clients wait in the pool, and not in the server. What keeps sessions
--   or locks of its own does not go through a pool in transaction mode: chatschema itself, backups, psql.
-- Check cores: nobody has said how many cores the server has, and this role cannot see it.
-- Check places: max_connections leaves fewer connections than the pools would use.
-- Check logins: no login has the group of the application.
-- Check limit: a login may open fewer connections than its pool has.
-- Threshold cores = 0: cores of the server; 0 for what the server's Linux tells a superuser
-- Threshold per_core = 2: sessions per core that work at the same time
-- Threshold waiting = 1: sessions more, for those that wait for a disk
-- Threshold direct = 10: connections that are kept for what goes past the pools
-- Threshold worker_pct = 25: percentage of the pools' connections for the workers, if there are any
-- Overview: no
with
server_cores as materialized ({server_cores}),
cores as (
    select
        case when {cores} > 0 then {cores}::integer else (select s.cores from server_cores as s) end as cores,
        case when {cores} > 0 then 'given: --cores, or [report.pool]' else (select s.source from server_cores as s) end as source
),
limits as (
    select
        current_setting('max_connections')::integer as configured,
        current_setting('superuser_reserved_connections')::integer as for_superusers,
        coalesce(current_setting('reserved_connections', true), '0')::integer as for_reserved
),
-- The groups of chatschema roles apply, by the prefix that they have here.
groups as (
    select g.oid, g.rolname::text as name, substr(g.rolname, length(p.prefix) + 1) as kind
    from (
        select 1 as place, left(r.rolname, -length('readonly')) as prefix
        from pg_catalog.pg_policy as o
        join pg_catalog.pg_roles as r on r.oid = any (o.polroles) and r.rolname ~ '_readonly$'
        where o.polrelid = to_regclass('public.users') and o.polname = 'users_readonly_select'
        union
        select 2, 'chat_' where to_regrole('chat_app') is not null
        order by 1
        limit 1
    ) as p
    join pg_catalog.pg_roles as g on g.rolname in (p.prefix || 'app', p.prefix || 'worker', p.prefix || 'readonly', p.prefix || 'auditor',
        p.prefix || 'privacy', p.prefix || 'migrator')
),
-- Each login counts in one group: that of the application first, then that of the workers.
logins as materialized (
    select distinct on (r.oid)
        r.oid, r.rolname::text as name, g.name as group_name, g.kind, r.rolconnlimit as connection_limit,
        (select count(*) from pg_catalog.pg_stat_activity as a where a.usesysid = r.oid and a.datname = current_database()) as in_use
    from pg_catalog.pg_roles as r
    join groups as g on pg_has_role(r.oid, g.oid, 'usage')
    where r.rolcanlogin and not r.rolsuper
    order by r.oid, g.kind = 'app' desc, g.kind = 'worker' desc, g.name
),
counts as (
    select
        count(*) filter (where l.kind = 'app')::integer as app_logins,
        count(*) filter (where l.kind = 'worker')::integer as worker_logins
    from logins as l
),
shares as (
    select
        c.cores, c.source, l.configured, l.for_superusers, l.for_reserved, n.app_logins, n.worker_logins,
        ceil(c.cores * {per_core}::numeric + {waiting})::integer as working,
        greatest(l.configured - l.for_superusers - l.for_reserved - {direct}::integer, 0) as places
    from cores as c
    cross join limits as l
    cross join counts as n
),
pools as (
    select
        s.*,
        case
            when s.worker_logins > 0 then greatest(s.worker_logins, floor(s.pooled * {worker_pct}::numeric / 100)::integer)
            else 0
        end as for_workers
    -- Without cores nothing is known: least() would leave out the null.
    from (select h.*, case when h.working is not null then least(h.working, h.places) end as pooled from shares as h) as s
),
sizes as (
    select
        g.name as object, 'group' as kind,
        case
            when p.pooled is null then null
            when g.kind = 'app' then greatest(p.pooled - p.for_workers, p.app_logins)
            else p.for_workers
        end as size,
        sum(l.in_use)::bigint as in_use,
        case
            when g.kind = 'app' then format('what the workers leave of %s', p.pooled)
            else format('%s%% of %s (worker_pct)', {worker_pct}, p.pooled)
        end as source,
        g.kind as role_group, count(l.oid)::integer as logins, string_agg(l.name, ', ' order by l.name) as members
    from pools as p
    cross join groups as g
    join logins as l on l.group_name = g.name
    where g.kind in ('app', 'worker')
    group by g.name, g.kind, p.pooled, p.for_workers, p.app_logins
),
roles as (
    select
        l.name as object, l.kind, s.object as group_name,
        case when s.size is not null then greatest(floor(s.size::numeric / s.logins)::integer, 1) end as size,
        l.in_use, l.connection_limit,
        case
            when s.object is null then format('has the group %s; goes past the pools, within the %s kept', l.group_name, {direct})
            when s.logins = 1 then format('all of %s', s.object)
            else format('its part of %s, which has %s logins', s.object, s.logins)
        end as source
    from logins as l
    left join sizes as s on s.object = l.group_name
),
numbers as (
    select 1 as place, 'cores' as object, 'server' as kind, p.cores as size, null::integer as logins, null::bigint as in_use, coalesce(p.source, 'unknown') as source from pools as p
    union all
    select 2, 'max_connections', 'server', p.configured, null, null, 'setting of the server' from pools as p
    union all
    select
        3, 'reserved', 'server', p.for_superusers + p.for_reserved, null, null,
        format('superuser_reserved_connections %s, reserved_connections %s', p.for_superusers, p.for_reserved)
    from pools as p
    union all
    select 4, 'kept', 'server', {direct}::integer, null, null, 'for chatschema, backups, monitoring and people (direct)' from pools as p
    union all
    select 5, 'places', 'server', p.places, null, null, 'max_connections, less what is reserved and kept' from pools as p
    union all
    select 6, 'working', 'server', p.working, null, null, format('%s per core (per_core), and %s (waiting)', {per_core}, {waiting}) from pools as p
    union all
    select 7, 'pools', 'server', p.pooled, null, null, 'the smaller one of working and places' from pools as p
    union all
    select case when s.role_group = 'app' then 8 else 9 end, s.object, s.kind, s.size, s.logins, s.in_use, s.source || ', for: ' || s.members from sizes as s
    union all
    select 10, r.object, 'login', r.size, null, r.in_use, r.source from roles as r
),
found as (
    select
        n.object, n.kind, n.size, n.logins, n.in_use, n.source,
        null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix, null as undo,
        n.place
    from numbers as n
    union all
    select
        null, null, null, null, null, null, 'no verdict', 'cores', 'the cores of the server are not known: give them', null, null,
        'chatschema report pool --cores 8', null, 0
    from pools as p
    where p.cores is null
    union all
    select
        null, null, null, null, null, null, 'warn', 'places',
        format('%s cores could work on %s sessions, and max_connections = %s leaves %s for the pools', p.cores, p.working, p.configured, p.places),
        p.working, p.places,
        format(E'-- needs a restart, and memory for each connection; standbys first: each needs at least this value\nalter system set max_connections = %s;',
            p.configured + p.working - p.places),
        format('alter system set max_connections = %s;', p.configured), 0
    from pools as p
    where p.working > p.places
    union all
    select
        null, null, null, null, null, null, 'info', 'logins', 'no login has the group of the application, so there is nobody to share the pools',
        null, null,
        case
            when not exists (select from groups as g where g.kind = 'app') then 'chatschema roles apply'
            else (select format(E'-- a login for the application; set its password in psql with \\password\ncreate role api login in role %I;', g.name) from groups as g where g.kind = 'app')
        end,
        null, 0
    from pools as p
    where p.app_logins = 0
    union all
    select
        r.object, null, null, null, null, null, 'warn', 'limit',
        format('its connection limit is %s, and its pool has %s: the pool cannot fill', r.connection_limit, r.size), r.size, r.connection_limit,
        format('alter role %I connection limit %s;', r.object, r.size + 2), format('alter role %I connection limit %s;', r.object, r.connection_limit), 0
    from roles as r
    where r.connection_limit >= 0 and r.connection_limit < r.size
)
select f.object, f.kind, f.size, f.logins, f.in_use, f.source, f.severity, f.check_name, f.message, f.value, f.threshold, f.fix, f.undo
from found as f
order by f.place, f.object
