drop view chatschema.held_scopes;
drop table chatschema.holds;
drop function chatschema.refuse_hold_change();
