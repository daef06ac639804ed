alter table public.conversations drop constraint conversations_retention_days_limit_check;
alter table public.conversations
    add constraint conversations_retention_days_limit_check check (retention_days <= 36500) not valid;
comment on constraint conversations_retention_days_limit_check on public.conversations is 'At most 36,500 days, a hundred years.';
