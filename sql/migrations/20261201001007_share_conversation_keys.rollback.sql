-- Wrapped keys that were removed are not restored.
drop trigger conversation_participants_raise_key_version_of_deleted on public.conversation_participants;
drop trigger conversation_participants_raise_key_version on public.conversation_participants;
drop trigger conversation_participants_withdraw_key on public.conversation_participants;
drop function chatschema.raise_key_version();
drop function chatschema.withdraw_key();
drop function chatschema.share_key(uuid, uuid, bytea, integer, text, bytea, uuid);
