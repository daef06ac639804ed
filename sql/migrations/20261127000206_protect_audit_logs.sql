-- audit_logs: row level security for audit_logs, and the record of the roles that were applied.
-- Why: the trail is written by the worker and read by auditors, whose policies come with chatschema roles apply; nobody else reads it.
-- Risk: locks audit_logs against readers and writers until the commit. From then on a role that does not own it sees no row.
alter table public.audit_logs enable row level security;

create table chatschema.applied_roles (
    is_only_row boolean     not null default true,
    prefix      text        not null,
    applied_at  timestamptz not null default clock_timestamp(),
    applied_by  text        not null default session_user,
    constraint applied_roles_pkey primary key (is_only_row),
    constraint applied_roles_one_row_check check (is_only_row)
);
comment on table chatschema.applied_roles is
    'The prefix with which chatschema roles apply was last run; migrate, undo and reset restore the grants of these roles.';
comment on column chatschema.applied_roles.is_only_row is 'Always true.';
comment on column chatschema.applied_roles.prefix is 'The names of the roles are PREFIX_app, PREFIX_worker, and so on.';
comment on column chatschema.applied_roles.applied_at is 'When it was last run.';
comment on column chatschema.applied_roles.applied_by is 'Role that ran it.';
comment on constraint applied_roles_pkey on chatschema.applied_roles is 'One row.';
comment on constraint applied_roles_one_row_check on chatschema.applied_roles is 'One row.';
comment on index chatschema.applied_roles_pkey is 'One row.';
grant select on chatschema.applied_roles to public;
