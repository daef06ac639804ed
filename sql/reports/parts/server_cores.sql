-- server_cores: the cores of the server's machine, or what its container may use of them; no row where it is not Linux.
-- Why: no view of PostgreSQL has the number; these files of Linux have it, and only a superuser may read them.
select
    case when k.quota < m.cores then k.quota else m.cores end as cores,
    case when k.quota < m.cores then '/sys/fs/cgroup/cpu.max on the server' else '/proc/cpuinfo on the server' end as source
from (
    select regexp_count(pg_catalog.pg_read_file('/proc/cpuinfo', 0, 16777216, true), '^processor', 1, 'n') as cores
) as m
left join lateral (
    select ceil(split_part(f.line, ' ', 1)::numeric / split_part(f.line, ' ', 2)::numeric)::integer as quota
    from (select btrim(pg_catalog.pg_read_file('/sys/fs/cgroup/cpu.max', 0, 1024, true), E' \n') as line) as f
    where f.line ~ '^\d+ \d+$'
) as k on true
where m.cores > 0
