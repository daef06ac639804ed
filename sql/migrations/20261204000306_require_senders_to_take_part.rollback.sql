drop trigger attachments_require_changed_uploader on public.attachments;
drop trigger attachments_require_uploader on public.attachments;
drop trigger messages_require_changed_sender on public.messages;
drop trigger messages_require_sender on public.messages;
drop trigger conversation_participants_lock_leaver on public.conversation_participants;
drop function chatschema.lock_leaver();
drop function chatschema.require_uploader();
drop function chatschema.require_sender();
