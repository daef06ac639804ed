drop trigger conversations_audit_truncate on public.conversations;
drop trigger conversations_audit_delete on public.conversations;
drop trigger conversations_audit_update on public.conversations;
drop trigger conversations_audit_insert on public.conversations;
drop function chatschema.audit_conversations();
