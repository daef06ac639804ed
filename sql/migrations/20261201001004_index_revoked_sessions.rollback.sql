drop index public.idx_auth_sessions_revoked_at;
