-- server_cores: nothing, for a role that may not read files of the server.
-- Why: the query would fail.
select null::integer as cores, null::text as source where false
