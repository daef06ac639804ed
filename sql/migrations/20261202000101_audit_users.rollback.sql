drop trigger users_audit_truncate on public.users;
drop trigger users_audit_delete on public.users;
drop trigger users_audit_update on public.users;
drop trigger users_audit_insert on public.users;
drop function chatschema.audit_users();
