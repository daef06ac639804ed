drop table public.audit_logs;
drop function chatschema.refuse_audit_change();
drop function chatschema.stamp_audit_log();
drop function chatschema.audit_pii_digest(bytea, inet, text, jsonb);
