drop trigger erasures_audit_insert on chatschema.erasures;
drop function chatschema.audit_erasures();
