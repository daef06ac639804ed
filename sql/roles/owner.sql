-- owner: owns the tables. The DBA grants it to whoever may do everything with them, such as restore a backup.
-- Why: row policies do not apply to the owner, so the owner is never the login of an application.
create role {owner} nologin;
