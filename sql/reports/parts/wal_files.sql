-- wal_files: the WAL files on the disk, for a role with the rights of pg_monitor; wal_files_hidden is for the others.
select sum(w.size)::bigint as bytes, count(*) as files
from pg_catalog.pg_ls_waldir() as w
where w.name ~ '^[0-9A-F]{{24}}$'
