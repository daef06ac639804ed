-- comments: without the line about personal data, of the columns of users, auth_sessions, user_public_keys.
-- Why: undoes 20261202000010_tag_columns_of_people.
-- Risk: locks each table against other changes of its structure until the commit; readers and writers are not affected.
do $$
declare
    item text[];
begin
    foreach item slice 1 in array array[
        ['public.auth_sessions.id', 'UUIDv7. The token on the wire is <id>.<secret>: find the row by id, then compare the secret once.'],
        ['public.auth_sessions.user_id', 'Owner of the token.'],
        ['public.auth_sessions.family_id', 'The login this token descends from; revoking a login is an update by family.'],
        ['public.auth_sessions.parent_id', 'The token this one replaced.'],
        ['public.auth_sessions.refresh_token_hash', 'bcrypt, cost 12, of the secret alone (bcrypt reads 72 bytes). Secret.'],
        ['public.auth_sessions.device_id', 'The device, as the client names itself.'],
        ['public.auth_sessions.device_name', 'Shown in the list of devices. Personal data.'],
        ['public.auth_sessions.device_type', 'web, ios, android, desktop, ...'],
        ['public.auth_sessions.ip_address', 'Where the token was issued. Personal data.'],
        ['public.auth_sessions.user_agent', 'Client that requested the token. Personal data.'],
        ['public.auth_sessions.last_used_at', 'Last refresh.'],
        ['public.auth_sessions.rotated_at', 'When the next token replaced it; a later use is theft or a retry.'],
        ['public.auth_sessions.revoked_at', 'When it was revoked, before its expiry.'],
        ['public.auth_sessions.revoked_reason', 'Why it was revoked.'],
        ['public.auth_sessions.expires_at', 'Until when it is valid; expired tokens are purged.'],
        ['public.auth_sessions.created_at', 'When the token was issued.'],
        ['public.auth_sessions.updated_at', 'Last change, set by a trigger.'],
        ['public.user_public_keys.id', 'UUIDv7.'],
        ['public.user_public_keys.user_id', 'Owner of the key.'],
        ['public.user_public_keys.device_id', 'The device that holds the private half; null for a key of the user, shared by devices.'],
        ['public.user_public_keys.key_type', 'identity, signed_prekey, one_time_prekey or fallback.'],
        ['public.user_public_keys.algorithm', 'Algorithm of the key, for example x25519 or ed25519.'],
        ['public.user_public_keys.key_id', 'The client''s name of the key; the same name with other bytes is refused.'],
        ['public.user_public_keys.key_version', 'Counts rotations, from 1.'],
        ['public.user_public_keys.public_key', 'The key itself, raw bytes; cannot be changed.'],
        ['public.user_public_keys.signature', 'By the identity key; required for a signed_prekey.'],
        ['public.user_public_keys.fingerprint', 'SHA-256 of public_key, for people to compare.'],
        ['public.user_public_keys.status', 'active, superseded, revoked or used (a one-time key taken).'],
        ['public.user_public_keys.activated_at', 'From when it may be used.'],
        ['public.user_public_keys.expires_at', 'Until when it may be used; null is no limit.'],
        ['public.user_public_keys.superseded_at', 'When its successor took over.'],
        ['public.user_public_keys.revoked_at', 'When it was withdrawn.'],
        ['public.user_public_keys.created_at', 'When the key was uploaded.'],
        ['public.user_public_keys.updated_at', 'Last change, set by a trigger.'],
        ['public.users.id', 'UUIDv7.'],
        ['public.users.username', 'Lower-case login name, never reused; deleted-<id> after erasure.'],
        ['public.users.email', 'Lower-case address; null after erasure. Personal data.'],
        ['public.users.password_hash', 'Hash of the password; null when the user signs in elsewhere. Secret.'],
        ['public.users.display_name', 'Name shown to others, in the user''s own spelling. Personal data.'],
        ['public.users.avatar_url', 'Where the picture is. Personal data.'],
        ['public.users.status', 'Presence as last written: online, away, busy or offline. The live value is the cache''s.'],
        ['public.users.last_seen_at', 'Last activity; write it at most once a minute.'],
        ['public.users.account_state', 'active, suspended, deactivated or erased.'],
        ['public.users.erased_at', 'When the personal data was removed; set exactly when account_state is erased.'],
        ['public.users.created_at', 'When the account was created.'],
        ['public.users.updated_at', 'Last change, set by a trigger.']
    ] loop
        begin
            execute format('comment on column %s is %L', item[1], item[2]);
        exception when undefined_table or undefined_column then
            raise notice '% does not exist, so it is not described', item[1];
        end;
    end loop;
end
$$;
