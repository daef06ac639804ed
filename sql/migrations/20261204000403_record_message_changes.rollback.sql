drop trigger messages_record_removed on public.messages;
drop trigger messages_record_edited on public.messages;
drop trigger messages_record_sent on public.messages;
drop function chatschema.record_removed_messages();
drop function chatschema.record_edited_messages();
drop function chatschema.record_sent_messages();
