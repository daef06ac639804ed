-- Undoes 20261202000300_create_privacy_requests, in reverse order. Requests that wait, receipts and reserved names are lost.
drop trigger users_refuse_erased_name on public.users;
drop function chatschema.refuse_erased_name();
drop table chatschema.erased_names;
drop table chatschema.privacy_requests;
