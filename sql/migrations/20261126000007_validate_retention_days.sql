-- conversations: every row is known to have at most 36,500 retention_days.
-- Why: apart from the migration before, so that nobody waits while the table is read.
-- Risk: reads conversations beside readers and writers.
alter table public.conversations validate constraint conversations_retention_days_limit_check;
