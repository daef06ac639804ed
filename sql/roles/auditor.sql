-- auditor: reads the audit trail and its seals, addresses included, and nothing else.
-- Why: whoever checks the trail must not be able to write it, nor need the data that it is about.
create role {auditor} nologin;
grant usage on schema public, chatschema to {auditor};
grant select on public.audit_logs to {auditor};
grant select on chatschema.audit_seals, chatschema.audit_epochs to {auditor};
grant execute on function chatschema.audit_pii_digest(bytea, inet, text, jsonb) to {auditor};
create policy audit_logs_auditor_select on public.audit_logs for select to {auditor} using (true);
