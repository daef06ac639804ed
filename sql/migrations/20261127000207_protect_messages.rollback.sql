lock table public.messages in access exclusive mode;

drop trigger messages_guard_update on public.messages;
drop function chatschema.guard_message();
alter table public.messages disable row level security;
drop policy messages_sender_update on public.messages;
drop policy messages_sender_insert on public.messages;
drop policy messages_member_select on public.messages;
