drop trigger messages_audit_truncate on public.messages;
drop trigger messages_audit_delete on public.messages;
drop trigger messages_audit_update on public.messages;
drop function chatschema.audit_deleted_messages();
drop function chatschema.audit_edited_messages();
