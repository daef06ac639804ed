-- pool: the logins of the application: their connections, and the limits that protect the others.
-- Why: More connections than the server has cores for make nothing faster, and each takes memory and a slot. A pool gives the
--   connection of a transaction to the next client, so one transaction that waits for its application takes a place from everybody:
--   limits of time belong to the login, as behind a pooler a setting of the session reaches other clients.
-- Check statement: a login of the application has no statement_timeout.
-- Check idle: a login of the application has no idle_in_transaction_session_timeout.
-- Threshold statement_s = 10: seconds that the fix gives a statement of the application; of a worker three times as long
-- Threshold idle_s = 15: seconds that the fix lets a transaction of the application wait for its client; of a worker twice as long
-- Threshold per_core = 2: connections that work at once for each core, in --suggest
-- Threshold kept = 10: connections that --suggest keeps for people, chatschema, backups and monitoring
-- Threshold worker_pct = 25: share of the connections that --suggest gives to workers
-- Fully: pg_read_all_stats
-- Overview: no
-- Acute: yes
with
-- The groups of chatschema roles, whatever their prefix: those that may use the tables.
groups as materialized (
    select g.oid, g.rolname::text as name, case when g.rolname ~ 'worker$' then 'worker' else 'app' end as kind
    from pg_catalog.pg_roles as g
    where not g.rolcanlogin and g.rolname ~ '(app|worker)$'
        and has_any_column_privilege(g.oid, to_regclass('public.message_statuses'), 'insert')
),
logins as materialized (
    select r.oid, r.rolname::text as login, g.name as member_of, g.kind, nullif(r.rolconnlimit, -1) as connection_limit
    from pg_catalog.pg_roles as r
    cross join lateral (select g.* from groups as g where pg_has_role(r.oid, g.oid, 'member') order by g.kind limit 1) as g
    where r.rolcanlogin and not r.rolsuper
),
-- What is set for a login here, before what is set for it, for the database, and for the server.
limits as (
    select l.oid, n.name, coalesce(s.setting, p.reset_val || coalesce(p.unit, '')) as setting
    from logins as l
    cross join (values ('statement_timeout'), ('idle_in_transaction_session_timeout')) as n (name)
    join pg_catalog.pg_settings as p on p.name = n.name
    left join lateral (
        select split_part(c.entry, '=', 2) as setting
        from pg_catalog.pg_db_role_setting as s
        cross join lateral unnest(s.setconfig) as c (entry)
        where s.setrole in (l.oid, 0) and split_part(c.entry, '=', 1) = n.name
            and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
        order by s.setrole = 0, s.setdatabase = 0
        limit 1
    ) as s on true
),
sessions as materialized (
    select a.usesysid, a.datname, a.state
    from pg_catalog.pg_stat_activity as a
    where (a.backend_type = 'client backend' or (a.backend_type is null and a.datname is not null)) and a.pid <> pg_backend_pid()
),
found as (
    select
        l.*, s.connections, s.active, s.idle_in_transaction,
        (select i.setting from limits as i where i.oid = l.oid and i.name = 'statement_timeout') as statement_timeout,
        (select i.setting from limits as i where i.oid = l.oid and i.name = 'idle_in_transaction_session_timeout') as idle_timeout
    from logins as l
    cross join lateral (
        select
            count(*) as connections,
            count(*) filter (where s.state = 'active') as active,
            count(*) filter (where s.state like 'idle in transaction%') as idle_in_transaction
        from sessions as s
        where s.usesysid = l.oid and s.datname = current_database()
    ) as s
),
missing as (
    select f.login, 'statement' as check_name, 'statement_timeout' as setting,
        'one statement can hold a connection of the pool for ever' as harm, {statement_s} * case f.kind when 'worker' then 3 else 1 end as seconds
    from found as f where f.statement_timeout ~ '^0+[a-z]*$'
    union all
    select f.login, 'idle', 'idle_in_transaction_session_timeout',
        'a transaction whose client is gone or busy holds a connection of the pool, and its locks', {idle_s} * case f.kind when 'worker' then 2 else 1 end
    from found as f where f.idle_timeout ~ '^0+[a-z]*$'
)
select
    f.login as object, f.member_of, f.connections, f.active, f.idle_in_transaction, f.connection_limit, f.statement_timeout, f.idle_timeout,
    null::integer as slots, null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold,
    null as fix, null as undo
from found as f
union all
select
    'other sessions', null, count(*), count(*) filter (where s.state = 'active'), count(*) filter (where s.state like 'idle in transaction%'),
    null, null, null, null, null, null, null, null, null, null, null
from sessions as s
where not exists (select from logins as l where l.oid = s.usesysid and s.datname = current_database())
union all
select
    'all clients', null, (select count(*) from sessions), null, null, null, null, null,
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
        - coalesce(current_setting('reserved_connections', true), '0')::integer,
    null, null, null, null, null, null, null
union all
select
    m.login, null, null, null, null, null, null, null, null, 'warn', m.check_name,
    format('%s has no %s: %s', m.login, m.setting, m.harm), 1, 1,
    format('alter role %I set %I = ''%ss'';', m.login, m.setting, m.seconds), format('alter role %I reset %I;', m.login, m.setting)
from missing as m
order by slots nulls first, member_of nulls last, object
