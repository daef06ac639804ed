-- The ids stay: other rows refer to them.
drop trigger conversations_set_direct_id on public.conversations;
alter table public.conversations alter column id set default chatschema.uuid7();
drop function chatschema.set_direct_id();
comment on column public.conversations.id is 'UUIDv7.
pii=none';
