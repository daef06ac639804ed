-- auth_sessions: index on the live sessions of a user.
-- Why: the list of devices and a revocation read the live sessions; a device that rotates every 15 minutes leaves 2,900 others a month.
-- Risk: writers of auth_sessions do not wait while the index is built; then share on the table for a moment.
-- online: index
create index idx_auth_sessions_user_id_live on public.auth_sessions (user_id, family_id) where rotated_at is null and revoked_at is null;
comment on index public.idx_auth_sessions_user_id_live is 'Devices of a user: chatschema.sessions_of(); revoking all logins of a user.';
