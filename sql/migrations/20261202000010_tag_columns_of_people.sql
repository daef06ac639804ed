-- comments: what personal data the columns of users, auth_sessions, user_public_keys hold, in the last line of each.
-- Why: the record of processing (privacy register), exports, erasures and retention read what a column holds where the column is described.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
comment on column public.auth_sessions.id is 'UUIDv7. The token on the wire is <id>.<secret>: find the row by id, then compare the secret once.
pii=identity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.user_id is 'Owner of the token.
pii=identity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.family_id is 'The login this token descends from; revoking a login is an update by family.
pii=identity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.parent_id is 'The token this one replaced.
pii=identity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.refresh_token_hash is 'bcrypt, cost 12, of the secret alone (bcrypt reads 72 bytes). Secret.
pii=secret; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.device_id is 'The device, as the client names itself.
pii=device; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.device_name is 'Shown in the list of devices. Personal data.
pii=device; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.device_type is 'web, ios, android, desktop, ...
pii=device; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.ip_address is 'Where the token was issued. Personal data.
pii=device; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.user_agent is 'Client that requested the token. Personal data.
pii=device; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.last_used_at is 'Last refresh.
pii=activity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.rotated_at is 'When the next token replaced it; a later use is theft or a retry.
pii=activity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.revoked_at is 'When it was revoked, before its expiry.
pii=activity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.revoked_reason is 'Why it was revoked.
pii=activity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.expires_at is 'Until when it is valid; expired tokens are purged.
pii=activity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.created_at is 'When the token was issued.
pii=activity; purpose=security; basis=legitimate interest; keep=session';
comment on column public.auth_sessions.updated_at is 'Last change, set by a trigger.
pii=activity; purpose=security; basis=legitimate interest; keep=session';

comment on column public.user_public_keys.id is 'UUIDv7.
pii=identity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.user_id is 'Owner of the key.
pii=identity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.device_id is 'The device that holds the private half; null for a key of the user, shared by devices.
pii=device; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.key_type is 'identity, signed_prekey, one_time_prekey or fallback.
pii=none';
comment on column public.user_public_keys.algorithm is 'Algorithm of the key, for example x25519 or ed25519.
pii=none';
comment on column public.user_public_keys.key_id is 'The client''s name of the key; the same name with other bytes is refused.
pii=identity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.key_version is 'Counts rotations, from 1.
pii=none';
comment on column public.user_public_keys.public_key is 'The key itself, raw bytes; cannot be changed.
pii=identity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.signature is 'By the identity key; required for a signed_prekey.
pii=identity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.fingerprint is 'SHA-256 of public_key, for people to compare.
pii=identity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.status is 'active, superseded, revoked or used (a one-time key taken).
pii=none';
comment on column public.user_public_keys.activated_at is 'From when it may be used.
pii=activity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.expires_at is 'Until when it may be used; null is no limit.
pii=activity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.superseded_at is 'When its successor took over.
pii=activity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.revoked_at is 'When it was withdrawn.
pii=activity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.created_at is 'When the key was uploaded.
pii=activity; purpose=encryption; basis=contract; keep=key';
comment on column public.user_public_keys.updated_at is 'Last change, set by a trigger.
pii=activity; purpose=encryption; basis=contract; keep=key';

comment on column public.users.id is 'UUIDv7.
pii=identity; purpose=account; basis=contract; keep=account';
comment on column public.users.username is 'Lower-case login name, never reused; deleted-<id> after erasure.
pii=identity; purpose=account; basis=contract; keep=account';
comment on column public.users.email is 'Lower-case address; null after erasure. Personal data.
pii=contact; purpose=account; basis=contract; keep=account';
comment on column public.users.password_hash is 'Hash of the password; null when the user signs in elsewhere. Secret.
pii=secret; purpose=security; basis=contract; keep=account';
comment on column public.users.display_name is 'Name shown to others, in the user''s own spelling. Personal data.
pii=profile; purpose=account; basis=contract; keep=account';
comment on column public.users.avatar_url is 'Where the picture is. Personal data.
pii=profile; purpose=account; basis=contract; keep=account';
comment on column public.users.status is 'Presence as last written: online, away, busy or offline. The live value is the cache''s.
pii=activity; purpose=chat; basis=contract; keep=account';
comment on column public.users.last_seen_at is 'Last activity; write it at most once a minute.
pii=activity; purpose=chat; basis=contract; keep=account';
comment on column public.users.account_state is 'active, suspended, deactivated or erased.
pii=activity; purpose=security; basis=contract; keep=account';
comment on column public.users.erased_at is 'When the personal data was removed; set exactly when account_state is erased.
pii=activity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column public.users.created_at is 'When the account was created.
pii=activity; purpose=account; basis=contract; keep=account';
comment on column public.users.updated_at is 'Last change, set by a trigger.
pii=activity; purpose=account; basis=contract; keep=account';
