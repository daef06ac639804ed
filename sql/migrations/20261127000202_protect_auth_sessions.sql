-- auth_sessions: row level security: a user lists the own sessions.
-- Why: devices and addresses are nobody else's, and only functions write sessions.
-- Risk: locks auth_sessions against readers and writers until the commit. From then on a role that does not own it sees no row without app.user_id.
create policy auth_sessions_self_select on public.auth_sessions for select using (user_id = (select chatschema.actor()));
alter table public.auth_sessions enable row level security;
comment on policy auth_sessions_self_select on public.auth_sessions is 'A user lists the own sessions; functions write them.';
