-- password_hashes: roles that may log in, and whether their password is stored as an MD5 hash.
-- Why: only a superuser may read them.
select r.rolname::text as role, r.rolpassword ~ '^md5[0-9a-f]{{32}}$' as is_md5 from pg_catalog.pg_authid as r where r.rolcanlogin
