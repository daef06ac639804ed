-- auth_sessions: index on the time of revocation.
-- Why: maintain removes sessions some time after they ended, by expiry or by revocation.
-- Risk: writers of auth_sessions do not wait while the index is built; then share on the table for a moment.
-- online: index
create index idx_auth_sessions_revoked_at on public.auth_sessions (revoked_at) where revoked_at is not null;
comment on index public.idx_auth_sessions_revoked_at is 'The removal of revoked tokens.';
