drop trigger conversations_guard_history on public.conversations;
drop function chatschema.refuse_history_change();
alter table public.conversations disable row level security;
drop policy conversations_admin_update on public.conversations;
drop policy conversations_founder_insert on public.conversations;
drop policy conversations_member_select on public.conversations;
