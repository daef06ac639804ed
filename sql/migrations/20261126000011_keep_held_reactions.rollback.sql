lock table public.message_statuses in access exclusive mode;

drop trigger message_statuses_keep_held_reactions on public.message_statuses;
drop function chatschema.keep_held_reactions();
