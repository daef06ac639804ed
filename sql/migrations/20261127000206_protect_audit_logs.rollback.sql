drop table chatschema.applied_roles;
alter table public.audit_logs disable row level security;
