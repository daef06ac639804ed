drop table public.conversation_participants;
