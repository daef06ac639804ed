drop trigger users_record_erasure on public.users;
drop table chatschema.erasures;
drop function chatschema.record_erasure();
