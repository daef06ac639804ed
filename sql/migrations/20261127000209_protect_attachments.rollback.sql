alter table public.attachments disable row level security;
drop policy attachments_uploader_update on public.attachments;
drop policy attachments_uploader_insert on public.attachments;
drop policy attachments_member_select on public.attachments;
