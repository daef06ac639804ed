-- conversations: checks that every row has at most 36,500 retention_days.
-- Why: separate from the previous migration, so that nobody waits while the table is read.
-- Risk: reads conversations, and blocks neither readers nor writers.
alter table public.conversations validate constraint conversations_retention_days_limit_check;
