-- security: what lets strangers read the data, on the way, in the log and in files.
-- Why: Each of these makes other measures useless. Row policies, for example, do not help if the server log has every message, or if
--   anybody on the network can read the traffic. Settings that lose data are in the report on settings, applications that connect as
--   superuser or owner in the report on access.
-- Check version: the server has holes that a newer minor version closes, or is not supported any more.
-- Check list: the list of safe versions is old.
-- Check tls: data and passwords can be read on the network.
-- Check login: a rule lets people in from other machines without proof of who they are.
-- Check password: passwords are stored as MD5 hashes.
-- Check superuser: a role of the application, or this session, is restricted by nothing.
-- Check log: the server log contains personal data.
-- Check files: others on this machine can read the archives.
-- Threshold list_days = 120: age in days of the list of safe versions that is worth knowing
-- Fully: pg_read_all_stats
-- Overview: no
with recursive
safe_versions as ({safe_versions}),
password_hashes as materialized ({password_hashes}),
host_rules as materialized ({host_rules}),
server as (
    select
        current_setting('server_version_num')::integer / 10000 as major, current_setting('server_version_num')::integer % 10000 as minor,
        exists (
            select from regexp_split_to_table(current_setting('listen_addresses'), '\s*,\s*') as a (address)
            where a.address <> '' and a.address !~ '^(127\.|::1$|localhost$)'
        ) as is_reachable,
        current_setting('ssl')::boolean as has_tls
),
-- The values of this session, which the report itself set, are not those of other sessions.
given as materialized (
    select s.name, case when s.source = 'session' then s.reset_val else s.setting end as setting, s.source
    from pg_catalog.pg_settings as s
    where s.name in (
        'log_statement', 'log_min_duration_statement', 'log_min_duration_sample', 'log_transaction_sample_rate', 'log_parameter_max_length',
        'log_parameter_max_length_on_error', 'log_error_verbosity', 'auto_explain.log_min_duration', 'auto_explain.log_parameter_max_length',
        'password_encryption'
    )
),
-- What makes the server log statements of others.
logged as (
    select string_agg(g.name, ', ' order by g.name) as settings from given as g
    where case g.name
        when 'log_statement' then g.setting in ('mod', 'all')
        when 'log_min_duration_statement' then g.setting::bigint >= 0
        when 'log_min_duration_sample' then g.setting::bigint >= 0
        when 'log_transaction_sample_rate' then g.setting::float8 > 0
    end
),
printed (name, setting, severity, message, better) as (
    select g.name, g.setting, 'warn', format('statements that %s logs are logged with their parameters: messages, addresses, hashes', l.settings), '0'
    from given as g cross join logged as l
    where g.name = 'log_parameter_max_length' and g.setting <> '0' and l.settings is not null
    union all
    select g.name, g.setting, 'warn', 'a statement that fails is logged with its parameters', '0' from given as g
    where g.name = 'log_parameter_max_length_on_error' and g.setting <> '0'
    union all
    select g.name, g.setting, 'warn', 'plans are logged with the parameters of the statement', '0' from given as g
    where g.name = 'auto_explain.log_parameter_max_length' and g.setting <> '0'
        and exists (select from given as o where o.name = 'auto_explain.log_min_duration' and o.setting <> '-1')
    union all
    select g.name, g.setting, 'info', 'a row that violates a constraint is logged with its values', 'terse' from given as g
    where g.name = 'log_error_verbosity' and g.setting <> 'terse'
    union all
    select g.name, g.setting, 'info', 'statements that change data are logged with the values in their text', 'ddl' from given as g
    where g.name = 'log_statement' and g.setting in ('mod', 'all')
),
-- The roles that the policies of the chat tables are about, and their members.
groups as (
    select distinct o.role from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid
    cross join lateral unnest(p.polroles) as o (role)
    where c.relnamespace = to_regnamespace('public') and o.role <> 0
),
members as (
    select g.role from groups as g
    union
    select m.member from pg_catalog.pg_auth_members as m join members as b on b.role = m.roleid
),
unlimited as (
    select r.rolname, r.rolsuper from members as m join pg_catalog.pg_roles as r on r.oid = m.role where r.rolsuper or r.rolbypassrls
),
plain as (
    select a.usename, coalesce(a.application_name, '') as program, count(*) as sessions
    from pg_catalog.pg_stat_ssl as t
    join pg_catalog.pg_stat_activity as a on a.pid = t.pid
    where not t.ssl and a.backend_type = 'client backend' and not a.client_addr <<= any (array['127.0.0.0/8', '::1/128']::inet[])
    group by a.usename, a.application_name
),
findings (object, severity, check_name, message, value, threshold, fix, undo) as (
    select
        'server version', 'warn', 'version',
        format('is %s.%s; %s.%s of %s and later close security holes', s.major, s.minor, v.major, v.minor, v.released_on), (v.minor - s.minor)::numeric,
        null::numeric, format('-- install PostgreSQL %s.%s or later, and restart the server', v.major, v.minor), null
    from server as s join safe_versions as v on v.major = s.major and s.minor < v.minor
    union all
    select
        'server version', 'warn', 'version', format('PostgreSQL %s gets no security fixes any more', s.major), null, null,
        '-- upgrade to a version that is supported', null
    from server as s where s.major < (select min(v.major) from safe_versions as v)
    union all
    select
        'list of safe versions', 'info', 'list', format('is of %s; newer versions may close more holes', max(v.released_on)),
        (current_date - max(v.released_on))::numeric, {list_days}, '-- install the newest chatschema; see https://www.postgresql.org/support/security/', null
    from safe_versions as v having current_date - max(v.released_on) >= {list_days}
    union all
    select
        'ssl', 'warn', 'tls', 'is off, and the server accepts connections from other machines', null, null,
        '-- needs a certificate: see "Secure TCP/IP Connections with SSL" in the manual; then: alter system set ssl = on;', null
    from server as s where s.is_reachable and not s.has_tls
    union all
    select
        format('pg_hba.conf line %s', h.line_number), 'warn', 'tls', format('accepts connections from %s without TLS', h.address), null, null,
        '-- write hostssl in place of ' || h.type || ' there, then: select pg_reload_conf();', null
    from host_rules as h cross join server as s where s.has_tls and h.type in ('host', 'hostnossl')
    union all
    select
        format('%s (%s)', p.usename, coalesce(nullif(p.program, ''), 'no name')), 'warn', 'tls',
        format('%s sessions from other machines are not encrypted', p.sessions), p.sessions, null,
        '-- let the application connect with sslmode=verify-full', null
    from plain as p
    union all
    select
        format('pg_hba.conf line %s', h.line_number), 'critical', 'login', format('lets everybody in from %s without a password', h.address), null, null,
        '-- write scram-sha-256 in place of trust there, then: select pg_reload_conf();', null
    from host_rules as h where h.auth_method = 'trust'
    union all
    select
        'pg_hba.conf', 'not evaluated', 'tls', format('%I may not read its rules', current_user), null, null,
        format('grant execute on function pg_catalog.pg_hba_file_rules() to %I;', current_user), null
    where not has_function_privilege('pg_catalog.pg_hba_file_rules()', 'execute')
    union all
    select
        p.role, 'warn', 'password', 'its password is stored as an MD5 hash, which is not secure', null, null,
        '-- set it again with \password in psql, after: set password_encryption = ''scram-sha-256'';', null
    from password_hashes as p where p.is_md5
    union all
    select
        'password hashes', 'not evaluated', 'password', format('%I may not read them; a superuser may', current_user), null, null,
        '-- run this report as a superuser', null
    where not has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select')
    union all
    select
        g.name, 'warn', 'password', 'new passwords are stored as MD5 hashes, which are not secure', null, null,
        case g.source when 'database' then format('alter database %I set %s = ''scram-sha-256'';', current_database(), g.name)
            else format('alter system set %s = ''scram-sha-256''; select pg_reload_conf();', g.name) end, null
    from given as g where g.name = 'password_encryption' and g.setting = 'md5'
    union all
    select
        u.rolname::text, 'warn', 'superuser',
        format('is a role of the application and %s: row policies do not restrict it', case when u.rolsuper then 'a superuser' else 'has BYPASSRLS' end),
        null, null, format('alter role %I nosuperuser nobypassrls;', u.rolname),
        format('alter role %I %s;', u.rolname, case when u.rolsuper then 'superuser' else 'bypassrls' end)
    from unlimited as u
    union all
    select
        current_user::text, 'info', 'superuser', 'this session is a superuser; pg_monitor is enough for reports', null, null,
        '-- use another role for reports: create role reporter login; grant pg_monitor to reporter;', null
    from pg_catalog.pg_roles as r where r.rolname = current_user and r.rolsuper
    union all
    select
        p.name, p.severity, 'log', format('is %s: %s', p.setting, p.message), null, null,
        case g.source when 'database' then format('alter database %I set %s = %L;', current_database(), p.name, p.better)
            else format('alter system set %s = %L; select pg_reload_conf();', p.name, p.better) end,
        case g.source when 'database' then format('alter database %I set %s = %L;', current_database(), p.name, p.setting)
            else format('alter system set %s = %L; select pg_reload_conf();', p.name, p.setting) end
    from printed as p join given as g on g.name = p.name
)
select
    t.object, t.setting, null as severity, null as check_name, null as message, null::numeric as value, null::numeric as threshold, null as fix,
    null as undo
from (
    select 'server version' as object, current_setting('server_version') as setting
    union all select 'ssl', current_setting('ssl')
    union all select 'listen_addresses', current_setting('listen_addresses')
    union all select g.name, g.setting from given as g
) as t
union all
select f.object, null, f.severity, f.check_name, f.message, f.value, f.threshold, f.fix, f.undo from findings as f
order by object
