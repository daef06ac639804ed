drop function chatschema.audit_truncate();
drop function chatschema.log_change(uuid, text, text, text, jsonb, text, uuid, inet, text);
drop function chatschema.change_of_secret(anyelement, anyelement);
drop function chatschema.change_of(anyelement, anyelement);
drop function chatschema.context_address();
drop function chatschema.context_session();
drop function chatschema.audit_actor(uuid);
drop function chatschema.is_audit_batch();
