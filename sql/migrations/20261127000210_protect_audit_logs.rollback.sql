alter table public.audit_logs disable row level security;
