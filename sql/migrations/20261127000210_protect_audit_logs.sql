-- audit_logs: row level security.
-- Why: the trail is written by the worker and read by auditors, whose policies come with chatschema roles apply; nobody else reads it.
-- Risk: locks audit_logs against readers and writers until the commit. From then on a role that does not own it sees no row.
-- chatschema: ignore no-policy because the policies of those who read it are those of roles, which chatschema roles apply creates
alter table public.audit_logs enable row level security;
