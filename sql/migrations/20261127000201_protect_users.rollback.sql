alter table public.users disable row level security;
drop policy users_self_update on public.users;
drop policy users_self_select on public.users;
