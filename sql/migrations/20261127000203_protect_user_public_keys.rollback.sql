drop trigger user_public_keys_guard_status on public.user_public_keys;
drop function chatschema.refuse_key_revival();
alter table public.user_public_keys disable row level security;
drop policy user_public_keys_self_update on public.user_public_keys;
drop policy user_public_keys_self_insert on public.user_public_keys;
drop policy user_public_keys_self_select on public.user_public_keys;
