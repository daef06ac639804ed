drop table public.attachments;
