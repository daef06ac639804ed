-- drop_lists: the view of the lists, before the tables that it reads come back.
-- Why: a table that comes back is created again, and dropped with the old one would be what reads it.
drop view chatschema.current_lists;
drop trigger events_note_month on chatschema.events;
