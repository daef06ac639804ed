drop trigger conversation_participants_keep_read_marks on public.conversation_participants;
drop function chatschema.keep_read_marks();
