drop trigger users_end_sessions on public.users;
drop function chatschema.end_sessions_of_inactive_user();
