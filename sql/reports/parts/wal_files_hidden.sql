-- wal_files_hidden: replaces wal_files where the role may not list the files: a call is refused even if it is never made.
select null::bigint as bytes, null::bigint as files, null::bigint as waiting, null::double precision as waiting_ms
