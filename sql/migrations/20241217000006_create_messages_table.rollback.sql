drop table public.messages;
drop function chatschema.set_created_at_from_id();
drop function chatschema.unlink_replies();
drop function chatschema.keep_message_identity();
drop function chatschema.require_message();
