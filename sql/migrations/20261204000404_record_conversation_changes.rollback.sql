drop trigger conversation_participants_record_removed on public.conversation_participants;
drop trigger conversation_participants_record_changed on public.conversation_participants;
drop trigger conversation_participants_record_added on public.conversation_participants;
drop trigger conversations_record_changed on public.conversations;
drop trigger conversations_record_created on public.conversations;
drop function chatschema.record_participant_event();
drop function chatschema.record_added_participants();
drop function chatschema.record_conversation_event();
drop function chatschema.records_changes();
