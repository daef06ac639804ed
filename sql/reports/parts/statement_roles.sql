-- statement_roles: for each query one role that ran it, and the text that was stored for that role's calls.
-- Why: planning a query runs its immutable functions, so it is planned with the rights of a role that ran it: the one with the least
--   rights; the caller, or a role that the caller may become, before others; and never with the text of another role.
select distinct on (s.queryid)
    s.queryid::text as queryid,
    s.query,
    r.rolname::text as role,
    coalesce(r.rolsuper, true) as is_superuser,
    r.oid is not distinct from me.oid as is_caller,
    coalesce(pg_has_role(r.oid, 'member'), false) as may_become,
    me.rolsuper as is_caller_superuser
from ({statements}) as s
join pg_catalog.pg_roles as me on me.rolname = current_user
left join pg_catalog.pg_roles as r on r.oid = s.userid
where s.queryid is not null and s.query is not null
order by
    s.queryid, r.oid is null, coalesce(r.rolsuper, true), r.oid is distinct from me.oid, not coalesce(pg_has_role(r.oid, 'member'), false),
    s.calls desc
/* chatschema report */
