drop table chatschema.event_state;
drop table chatschema.events;
drop function chatschema.refuse_event_change();
