drop function chatschema.events_after(text, integer);
drop function chatschema.events_now();
drop function chatschema.new_event_cursor(pg_snapshot);
drop function chatschema.event_snapshot();
drop function chatschema.event_origin();
