lock table public.messages in access exclusive mode;

drop trigger messages_keep_held_content on public.messages;
drop function chatschema.keep_held_content();
drop function chatschema.keeps_version(jsonb, bytea, bytea, text, integer, uuid);
