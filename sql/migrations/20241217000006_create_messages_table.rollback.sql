drop table public.messages;
drop function chatschema.set_created_at_from_id();
