drop function chatschema.guard_month(regclass);
drop function chatschema.refuse_delete_of_held_statuses();
drop function chatschema.refuse_truncate_of_held();
drop function chatschema.require_owner();
