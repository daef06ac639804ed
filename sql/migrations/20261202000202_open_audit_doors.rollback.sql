drop trigger audit_logs_record_erasure on public.audit_logs;
drop function chatschema.record_audit_erasure();
create or replace function chatschema.refuse_audit_change() returns trigger
    language plpgsql
as $$
begin
    raise exception 'audit_logs is append-only: % refused', lower(tg_op)
        using errcode = 'insufficient_privilege', hint = 'Add a row that corrects the earlier one.';
end
$$;
comment on function chatschema.refuse_audit_change() is 'Trigger: refuses every change of the trail.';
alter table public.audit_logs drop constraint audit_logs_erased_check;
alter table public.audit_logs alter column details set not null;
alter table public.audit_logs alter column pii_salt set not null;
comment on column public.audit_logs.pii_salt is 'Random; erased together with the personal data.
pii=secret; purpose=audit; basis=legitimate interest; keep=audit';
comment on column public.audit_logs.details is 'Details of the change. Personal data.
pii=content; purpose=audit; basis=legitimate interest; keep=audit';
