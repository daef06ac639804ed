drop trigger attachments_refuse_truncate_of_held on public.attachments;
drop trigger attachments_keep_changed_held_file on public.attachments;
drop trigger attachments_keep_held_file on public.attachments;
drop function chatschema.keep_held_file();
