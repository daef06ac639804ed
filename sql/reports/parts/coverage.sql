-- coverage: the server, what this role may see on it, and since when its statistics count.
-- Why: a crash empties all statistics but leaves the database's reset time unchanged; it moves the cluster-wide times, each of
--   which also moves when somebody resets it alone. So: the later of the database's time and the earliest cluster-wide one.
select
    current_setting('server_version') as version,
    current_setting('server_version_num')::integer as version_num,
    current_database()::text as database,
    current_user::text as role,
    pg_is_in_recovery() as is_standby,
    now() as now,
    greatest(d.stats_reset, least(b.stats_reset, a.stats_reset)) as since,
    array(
        select r.rolname::text
        from pg_catalog.pg_roles as r
        where r.rolname in ('pg_read_all_stats', 'pg_read_all_settings', 'pg_stat_scan_tables', 'pg_monitor')
            and pg_has_role(r.oid, 'usage')
    ) as roles,
    (
        select coalesce(jsonb_object_agg(e.extname, n.nspname), jsonb_build_object())
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    ) as extensions,
    array(
        select v.name::text from pg_catalog.pg_available_extensions as v
        where v.name in ('pg_stat_statements', 'pgstattuple', 'hypopg')
    ) as available,
    case
        when pg_has_role('pg_read_all_settings', 'usage') then current_setting('shared_preload_libraries')
    end as preloaded,
    -- Not by current_setting: a value in postgresql.conf is there without the library.
    exists (select from pg_catalog.pg_settings as s where s.name = 'pg_stat_statements.max') as is_statements_loaded,
    current_setting('track_io_timing')::boolean as is_io_timed,
    (select count(*)::integer from pg_catalog.pg_stat_replication) as standbys,
    case
        when has_function_privilege('pg_control_system()', 'execute') then (select c.system_identifier::text from pg_control_system() as c)
    end as system_identifier,
    array_remove(array[
        case when not has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select') then 'password_hashes' end,
        case when not has_function_privilege('pg_catalog.pg_hba_file_rules()', 'execute') then 'host_rules' end,
        -- The functions read files of the server only for whoever may also read any of them.
        case
            when not has_function_privilege('pg_catalog.pg_read_file(text, bigint, bigint, boolean)', 'execute')
                or not pg_has_role('pg_read_server_files', 'usage')
                then 'server_cores'
        end
    ], null) as refused
from pg_catalog.pg_stat_database as d
cross join pg_catalog.pg_stat_bgwriter as b
cross join pg_catalog.pg_stat_archiver as a
where d.datname = current_database()
/* chatschema report */
