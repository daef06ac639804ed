alter table public.auth_sessions disable row level security;
drop policy auth_sessions_self_select on public.auth_sessions;
