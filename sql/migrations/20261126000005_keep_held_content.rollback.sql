lock table public.messages, public.message_statuses, public.attachments in access exclusive mode;

drop trigger attachments_refuse_truncate_of_held on public.attachments;
drop trigger attachments_keep_changed_held_file on public.attachments;
drop trigger attachments_keep_held_file on public.attachments;
drop trigger message_statuses_keep_held_reactions on public.message_statuses;
drop trigger messages_keep_held_content on public.messages;
drop function chatschema.keep_held_file();
drop function chatschema.keep_held_reactions();
drop function chatschema.keep_held_content();
