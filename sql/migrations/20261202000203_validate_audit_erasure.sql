-- audit_logs: checks of every entry that its personal data and its salt are there, or erased together.
-- Why: separate from the previous migration, so that nobody waits while the table is read.
-- Risk: reads audit_logs, and blocks neither readers nor writers.
alter table public.audit_logs validate constraint audit_logs_erased_check;
