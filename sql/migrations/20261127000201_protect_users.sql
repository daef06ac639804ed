-- users: row level security: a user has the own row.
-- Why: the application promised it in its code; now the database keeps it, also where a WHERE is forgotten.
-- Risk: locks users against readers and writers until the commit. From then on a role that does not own it sees no row without app.user_id.
create policy users_self_select on public.users for select using (id = (select chatschema.actor()));
create policy users_self_update on public.users for update using (id = (select chatschema.actor()));
alter table public.users enable row level security;
comment on policy users_self_select on public.users is 'A user reads the own row; others are in the view chatschema.people.';
comment on policy users_self_update on public.users is 'A user changes the own row; grants choose the columns.';
