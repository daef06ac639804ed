drop table public.user_public_keys;
drop function chatschema.keep_public_key();
