drop table chatschema.audit_seals;
drop table chatschema.audit_epochs;
drop function chatschema.refuse_seal_change();
drop function chatschema.audit_seal_of(bigint, xid8);
