-- conversations: retention_days is at most 36,500, a hundred years.
-- Why: one row with more made every purge fail with "timestamp out of range".
-- Risk: updates the rows with more, and locks conversations against readers and writers until the commit; reads nothing else.
lock table public.conversations in access exclusive mode;

update public.conversations set retention_days = 36500 where retention_days > 36500;
alter table public.conversations
    add constraint conversations_retention_days_limit_check check (retention_days <= 36500) not valid;

comment on constraint conversations_retention_days_limit_check on public.conversations is 'At most 36,500 days, a hundred years.';
