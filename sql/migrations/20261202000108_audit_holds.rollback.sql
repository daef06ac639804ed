drop trigger holds_audit_update on chatschema.holds;
drop trigger holds_audit_insert on chatschema.holds;
drop function chatschema.audit_holds();
