-- auth_sessions: refresh tokens handed out, one row a token, one family a login.
-- Why: a rotated token that comes back reveals theft; the family says what to revoke.
-- Risk: new table; adds a foreign key to users, which blocks writes to users for the moment of the commit.
create table public.auth_sessions (
    id                  uuid        not null default chatschema.uuid7(),
    user_id             uuid        not null,
    family_id           uuid        not null default chatschema.uuid7(),
    parent_id           uuid,
    refresh_token_hash  text        not null,
    device_id           uuid,
    device_name         text,
    device_type         text,
    ip_address          inet,
    user_agent          text,
    last_used_at        timestamptz,
    rotated_at          timestamptz,
    revoked_at          timestamptz,
    revoked_reason      text,
    expires_at          timestamptz not null default now() + interval '30 days',
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now(),
    constraint auth_sessions_pkey primary key (id),
    constraint auth_sessions_parent_id_key unique (parent_id),
    constraint auth_sessions_user_id_fkey foreign key (user_id) references public.users (id) on delete cascade,
    constraint auth_sessions_parent_id_fkey
        foreign key (parent_id) references public.auth_sessions (id) on delete set null,
    -- The 53 characters after the cost are bcrypt's salt and digest.
    constraint auth_sessions_refresh_token_hash_check check (refresh_token_hash ~ '^\$2[aby]\$12\$[./A-Za-z0-9]{53}$'),
    constraint auth_sessions_user_agent_length_check check (length(user_agent) <= 2048),
    constraint auth_sessions_revoked_reason_check check (
        (revoked_at is null) = (revoked_reason is null)
        and revoked_reason in ('logout', 'admin', 'password_change', 'reuse_detected', 'expired', 'erasure')
    )
);

create unique index auth_sessions_family_id_live_key on public.auth_sessions (family_id)
    where rotated_at is null and revoked_at is null;
create index idx_auth_sessions_user_id on public.auth_sessions (user_id, created_at);
create index idx_auth_sessions_expires_at on public.auth_sessions (expires_at);

create trigger auth_sessions_set_updated_at before update on public.auth_sessions
    for each row execute function chatschema.set_updated_at();

comment on table public.auth_sessions is 'Refresh tokens handed out, one row a token, one family a login.';
comment on column public.auth_sessions.id is 'UUIDv7. The token on the wire is <id>.<secret>: find the row by id, then compare the secret once.';
comment on column public.auth_sessions.user_id is 'Whose token.';
comment on column public.auth_sessions.family_id is 'The login this token descends from; revoking a login is an update by family.';
comment on column public.auth_sessions.parent_id is 'The token this one replaced.';
comment on column public.auth_sessions.refresh_token_hash is 'bcrypt, cost 12, of the secret alone (bcrypt reads 72 bytes). Secret.';
comment on column public.auth_sessions.device_id is 'The device, as the client names itself.';
comment on column public.auth_sessions.device_name is 'Shown in the list of devices. Personal data.';
comment on column public.auth_sessions.device_type is 'web, ios, android, desktop, ...';
comment on column public.auth_sessions.ip_address is 'Where the token was issued. Personal data.';
comment on column public.auth_sessions.user_agent is 'What asked for the token. Personal data.';
comment on column public.auth_sessions.last_used_at is 'Last refresh.';
comment on column public.auth_sessions.rotated_at is 'When a child replaced it; a later use is theft or a retry.';
comment on column public.auth_sessions.revoked_at is 'When it stopped being valid before its time.';
comment on column public.auth_sessions.revoked_reason is 'Why it was revoked.';
comment on column public.auth_sessions.expires_at is 'End of its validity; purge after it.';
comment on column public.auth_sessions.created_at is 'When the token was issued.';
comment on column public.auth_sessions.updated_at is 'Last change, kept by a trigger.';
comment on constraint auth_sessions_pkey on public.auth_sessions is 'One row a token.';
comment on constraint auth_sessions_parent_id_key on public.auth_sessions is 'A token has one child: two refreshes racing cannot both win.';
comment on constraint auth_sessions_user_id_fkey on public.auth_sessions is 'Tokens go with their user.';
comment on constraint auth_sessions_parent_id_fkey on public.auth_sessions is 'The chain of a family; purging an old token only cuts it.';
comment on constraint auth_sessions_refresh_token_hash_check on public.auth_sessions is 'A bcrypt hash of cost 12, and nothing else.';
comment on constraint auth_sessions_user_agent_length_check on public.auth_sessions is 'At most 2048 characters: a login is not refused for a talkative browser.';
comment on constraint auth_sessions_revoked_reason_check on public.auth_sessions is 'A revoked token says why, with a known reason.';
comment on index public.auth_sessions_pkey is 'Refresh: where id = the token''s first half.';
comment on index public.auth_sessions_parent_id_key is 'Detects a second child; serves the chain.';
comment on index public.auth_sessions_family_id_live_key is 'One live token a family; also finds the token to revoke.';
comment on index public.idx_auth_sessions_user_id is 'My devices, newest first; deleting a user.';
comment on index public.idx_auth_sessions_expires_at is 'The purge of expired tokens.';
comment on trigger auth_sessions_set_updated_at on public.auth_sessions is 'Keeps updated_at.';
