-- password_hashes: nothing, for a role that may not read the hashes of passwords.
-- Why: the query would fail.
select null::text as role, null::boolean as is_md5 where false
