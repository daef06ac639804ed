-- wal_files: the WAL files on disk, and those that wait for the archive, for a role with the rights of pg_monitor; other roles get
--   wal_files_hidden.
select
    (select sum(w.size)::bigint from pg_catalog.pg_ls_waldir() as w where w.name ~ '^[0-9A-F]{{24}}$') as bytes,
    (select count(*) from pg_catalog.pg_ls_waldir() as w where w.name ~ '^[0-9A-F]{{24}}$') as files,
    count(*) as waiting,
    extract(epoch from clock_timestamp() - min(a.modification))::double precision * 1000 as waiting_ms
from pg_catalog.pg_ls_archive_statusdir() as a
where a.name ~ '^[0-9A-F]{{24}}\.ready$'
