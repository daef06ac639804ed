drop trigger messages_delete_statuses on public.messages;
drop table public.message_statuses;
drop function chatschema.keep_status_monotonic();
drop function chatschema.set_conversation_id_from_message();
drop function chatschema.delete_statuses();
