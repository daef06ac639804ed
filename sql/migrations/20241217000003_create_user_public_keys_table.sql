-- user_public_keys: the public half of every key a user encrypts with; rotated, never changed.
-- Why: a server that could replace a key under the same id could read along.
-- Risk: new table; adds a foreign key to users, which blocks writes to users for the moment of the commit.
create table public.user_public_keys (
    id              uuid        not null default chatschema.uuid7(),
    user_id         uuid        not null,
    device_id       uuid,
    key_type        text        not null default 'identity',
    algorithm       text        not null default 'x25519',
    key_id          text        not null default chatschema.uuid7()::text,
    key_version     integer     not null default 1,
    public_key      bytea       not null,
    signature       bytea,
    fingerprint     bytea       generated always as (sha256(public_key)) stored,
    status          text        not null default 'active',
    activated_at    timestamptz not null default now(),
    expires_at      timestamptz,
    superseded_at   timestamptz,
    revoked_at      timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint user_public_keys_pkey primary key (id),
    constraint user_public_keys_key_id_key unique nulls not distinct (user_id, device_id, key_type, key_id),
    constraint user_public_keys_user_id_fkey foreign key (user_id) references public.users (id) on delete cascade,
    constraint user_public_keys_key_type_check
        check (key_type in ('identity', 'signed_prekey', 'one_time_prekey', 'fallback')),
    constraint user_public_keys_key_version_check check (key_version > 0),
    constraint user_public_keys_public_key_size_check check (octet_length(public_key) between 16 and 4096),
    constraint user_public_keys_signature_check check (key_type <> 'signed_prekey' or signature is not null),
    constraint user_public_keys_status_check check (status in ('active', 'superseded', 'revoked', 'used')),
    constraint user_public_keys_status_time_check check (
        (status <> 'superseded' or superseded_at is not null) and (status <> 'revoked' or revoked_at is not null)
    )
);

create unique index user_public_keys_active_key on public.user_public_keys (user_id, device_id, key_type)
    nulls not distinct where status = 'active' and key_type <> 'one_time_prekey';

create function chatschema.keep_public_key() returns trigger
    language plpgsql
as $$
begin
    if (new.public_key, new.user_id, new.device_id, new.key_type, new.algorithm, new.key_id)
        is distinct from (old.public_key, old.user_id, old.device_id, old.key_type, old.algorithm, old.key_id)
    then
        raise exception 'public key % of user % cannot be changed', old.key_id, old.user_id
            using errcode = 'restrict_violation', hint = 'Supersede it and insert a new key.';
    end if;
    return new;
end
$$;
comment on function chatschema.keep_public_key() is 'Trigger: refuses another key under the same id.';

create trigger user_public_keys_keep_public_key
    before update of public_key, user_id, device_id, key_type, algorithm, key_id on public.user_public_keys
    for each row execute function chatschema.keep_public_key();
create trigger user_public_keys_set_updated_at before update on public.user_public_keys
    for each row execute function chatschema.set_updated_at();

comment on table public.user_public_keys is 'The public half of every key a user encrypts with; rotated, never changed.';
comment on column public.user_public_keys.id is 'UUIDv7.';
comment on column public.user_public_keys.user_id is 'Whose key.';
comment on column public.user_public_keys.device_id is 'The device that holds the private half; null for a key of the user, shared by devices.';
comment on column public.user_public_keys.key_type is 'identity, signed_prekey, one_time_prekey or fallback.';
comment on column public.user_public_keys.algorithm is 'What the key is for, for example x25519 or ed25519.';
comment on column public.user_public_keys.key_id is 'The client''s name of the key; the same name with other bytes is refused.';
comment on column public.user_public_keys.key_version is 'Counts rotations, from 1.';
comment on column public.user_public_keys.public_key is 'The key itself, raw bytes; cannot be changed.';
comment on column public.user_public_keys.signature is 'By the identity key; required for a signed_prekey.';
comment on column public.user_public_keys.fingerprint is 'SHA-256 of public_key, for people to compare.';
comment on column public.user_public_keys.status is 'active, superseded, revoked or used (a one-time key taken).';
comment on column public.user_public_keys.activated_at is 'From when it may be used.';
comment on column public.user_public_keys.expires_at is 'Until when it may be used; null is no limit.';
comment on column public.user_public_keys.superseded_at is 'When its successor took over.';
comment on column public.user_public_keys.revoked_at is 'When it was withdrawn.';
comment on column public.user_public_keys.created_at is 'When the key was uploaded.';
comment on column public.user_public_keys.updated_at is 'Last change, kept by a trigger.';
comment on constraint user_public_keys_pkey on public.user_public_keys is 'One row a key.';
comment on constraint user_public_keys_key_id_key on public.user_public_keys is 'A key''s name is used once a user, device and type.';
comment on constraint user_public_keys_user_id_fkey on public.user_public_keys is 'Keys go with their user.';
comment on constraint user_public_keys_key_type_check on public.user_public_keys is 'The known uses of a key.';
comment on constraint user_public_keys_key_version_check on public.user_public_keys is 'From 1.';
comment on constraint user_public_keys_public_key_size_check on public.user_public_keys is '16 to 4096 bytes.';
comment on constraint user_public_keys_signature_check on public.user_public_keys is 'A signed prekey is signed.';
comment on constraint user_public_keys_status_check on public.user_public_keys is 'The states of a key.';
comment on constraint user_public_keys_status_time_check on public.user_public_keys is 'A superseded or revoked key says when.';
comment on index public.user_public_keys_pkey is 'Look-up by id; the target of participants'' wrapped keys.';
comment on index public.user_public_keys_key_id_key is 'Look-up by the client''s name; deleting a user.';
comment on index public.user_public_keys_active_key is 'The active key of a user, device and type: at most one.';
comment on trigger user_public_keys_keep_public_key on public.user_public_keys is 'A key''s bytes and identity cannot be changed.';
comment on trigger user_public_keys_set_updated_at on public.user_public_keys is 'Keeps updated_at.';
