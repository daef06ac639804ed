drop trigger attachments_audit_truncate on public.attachments;
drop trigger attachments_audit_delete on public.attachments;
drop trigger attachments_audit_update on public.attachments;
drop function chatschema.audit_attachments();
