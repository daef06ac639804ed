drop table public.auth_sessions;
