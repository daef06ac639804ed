drop function chatschema.is_founding(uuid);
drop function chatschema.is_empty(uuid);
drop view chatschema.people;
drop view chatschema.memberships;
drop function chatschema.actor();
drop function chatschema.context_user();
alter table public.conversation_participants drop column reads_from;
