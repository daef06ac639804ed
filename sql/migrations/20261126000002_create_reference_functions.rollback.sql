drop function chatschema.remove_references_of_truncated();
drop function chatschema.remove_references();
drop function chatschema.require_read_committed();
drop function chatschema.require_changed_message();
drop function chatschema.require_messages();
drop function chatschema.merge_status();
drop function chatschema.complete_status();
drop function chatschema.is_attached(oid);
