drop trigger user_public_keys_audit_truncate on public.user_public_keys;
drop trigger user_public_keys_audit_delete on public.user_public_keys;
drop trigger user_public_keys_audit_update on public.user_public_keys;
drop trigger user_public_keys_audit_insert on public.user_public_keys;
drop function chatschema.audit_public_keys();
