-- host_rules: nothing, for a role that may not read pg_hba.conf.
-- Why: the query would fail.
select null::integer as line_number, null::text as type, null::text as address, null::text as auth_method where false
