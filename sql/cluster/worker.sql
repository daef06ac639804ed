-- worker: of a server that is to become a worker, its versions, what it offers, and what is in its database.
-- Why: Citus fails half-way on a server that has another version, lacks an extension, or has tables of the same names.
select jsonb_build_object(
    'citus', (select e.extversion from pg_catalog.pg_extension as e where e.extname = 'citus'),
    'major', current_setting('server_version_num')::integer / 10000,
    'available', (select jsonb_agg(a.name order by a.name) from pg_catalog.pg_available_extensions as a),
    'nodes', (
        select coalesce(bool_or((xpath('/row/n/text()', query_to_xml('select count(*) as n from pg_catalog.pg_dist_node', false, true, '')))[1]::text <> '0'), false)
        from pg_catalog.pg_extension as e where e.extname = 'citus'
    ),
    'tables', (
        select coalesce(jsonb_agg(t.name order by t.name), '[]') from (
            select format('%I.%I', n.nspname, c.relname) as name
            from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname in ('public', 'chatschema', 'chat_partitions')
                and not exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
            order by 1 limit 3
        ) as t
    )
)::text
