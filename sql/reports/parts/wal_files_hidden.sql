-- wal_files_hidden: in the place of wal_files where the role may not list them: even a call that is never made is refused.
select null::bigint as bytes, null::bigint as files, null::bigint as waiting, null::double precision as waiting_ms
