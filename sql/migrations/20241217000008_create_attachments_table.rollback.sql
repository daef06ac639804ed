drop trigger messages_release_attachment on public.messages;
drop table public.attachments;
drop function chatschema.release_attachment();
