create or replace function chatschema.publish_key(
    user_id uuid, device_id uuid, key_type text, key_id text, public_key bytea,
    signature bytea default null, algorithm text default 'x25519', expires_at timestamptz default null
) returns uuid
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    known record;
    published uuid;
    version integer := 1;
begin
    perform chatschema.lock_own_user(publish_key.user_id);
    select k.id, k.public_key, k.algorithm into known from public.user_public_keys as k
    where k.user_id = publish_key.user_id and k.device_id is not distinct from publish_key.device_id
        and k.key_type = publish_key.key_type and k.key_id = publish_key.key_id;
    if found then
        if (known.public_key, known.algorithm) is distinct from (publish_key.public_key, publish_key.algorithm) then
            raise exception 'another key has been published under this key_id'
                using errcode = 'unique_violation', schema = 'public', table = 'user_public_keys', constraint = 'user_public_keys_key_id_key',
                hint = 'The bytes of a key never change: choose a new key_id.';
        end if;
        -- The retry of a request whose answer was lost.
        return known.id;
    end if;
    if publish_key.key_type <> 'one_time_prekey' then
        select coalesce(max(k.key_version), 0) + 1 into version from public.user_public_keys as k
        where k.user_id = publish_key.user_id and k.device_id is not distinct from publish_key.device_id
            and k.key_type = publish_key.key_type;
        update public.user_public_keys as k set status = 'superseded', superseded_at = clock_timestamp()
        where k.user_id = publish_key.user_id and k.device_id is not distinct from publish_key.device_id
            and k.key_type = publish_key.key_type and k.status = 'active';
    end if;
    -- A row that an older snapshot cannot see raises 40001 here instead of 23505.
    insert into public.user_public_keys (
        user_id, device_id, key_type, key_id, public_key, signature, algorithm, expires_at, key_version
    ) values (
        publish_key.user_id, publish_key.device_id, publish_key.key_type, publish_key.key_id, publish_key.public_key,
        publish_key.signature, publish_key.algorithm, publish_key.expires_at, version
    )
    on conflict do nothing
    returning user_public_keys.id into published;
    if published is null then
        raise exception 'the key was published at the same time' using errcode = 'serialization_failure', hint = 'Repeat the transaction.';
    end if;
    return published;
end
$$;

create or replace function chatschema.keep_public_key() returns trigger
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

create or replace function chatschema.refuse_key_revival() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'public key % has ended and cannot be made active again', old.id
        using errcode = 'insufficient_privilege', schema = 'public', table = 'user_public_keys', column = 'status', hint = 'Publish a new key.';
end
$$;
