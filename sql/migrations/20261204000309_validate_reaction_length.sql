-- message_statuses: checks that every reaction has at most 64 characters.
-- Why: separate from the previous migration, so that nobody waits while the rows are read. If it fails, cut the reactions first:
-- update public.message_statuses set reactions = reactions::varchar(64)[] where reactions <> reactions::varchar(64)[]::text[]
-- Risk: reads message_statuses, and blocks neither readers nor writers.
alter table public.message_statuses validate constraint message_statuses_reaction_keys_check;
