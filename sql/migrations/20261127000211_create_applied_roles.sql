-- applied_roles: the prefix of the roles that chatschema roles apply created.
-- Why: migrate, undo and reset restore their grants, and verify expects them.
-- Risk: a new table only; takes no lock on existing data.
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
-- chatschema: ignore grant-public because any role may ask whether the roles were applied, and there is nothing else in it
grant select on chatschema.applied_roles to public;
