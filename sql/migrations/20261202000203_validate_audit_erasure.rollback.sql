alter table public.audit_logs drop constraint audit_logs_erased_check;
alter table public.audit_logs add constraint audit_logs_erased_check check (
    case when pii_salt is null then num_nonnulls(ip_address, user_agent, details) = 0 else details is not null end
) not valid;
comment on constraint audit_logs_erased_check on public.audit_logs is 'The personal data and its salt are erased together.';
