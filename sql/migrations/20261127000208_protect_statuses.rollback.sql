drop trigger message_statuses_guard_update on public.message_statuses;
drop function chatschema.refuse_status_move();
alter table public.message_statuses disable row level security;
drop policy message_statuses_reader_update on public.message_statuses;
drop policy message_statuses_reader_insert on public.message_statuses;
drop policy message_statuses_member_select on public.message_statuses;
