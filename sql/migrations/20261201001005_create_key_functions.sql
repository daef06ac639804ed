-- functions: public keys are published, claimed and revoked.
-- Why: a one-time key that is handed out twice, or a key with two active versions, breaks the encryption of whoever gets the wrong one.
-- Risk: new functions only; takes no lock on existing data.
-- Access: app: execute chatschema.publish_key(uuid, uuid, text, text, bytea, bytea, text, timestamp with time zone)
-- Access: app: execute chatschema.claim_one_time_key(uuid, uuid)
-- Access: app: execute chatschema.revoke_device(uuid, uuid)
create function chatschema.acting_user() returns uuid
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    acting constant uuid := chatschema.actor();
begin
    if acting is not null then
        return acting;
    end if;
    if chatschema.context_user() is null then
        -- The caller of this function is SECURITY DEFINER, so only session_user tells who logged in.
        if pg_has_role(session_user, (select c.relowner from pg_catalog.pg_class as c where c.oid = 'public.users'::regclass), 'member') then
            return null;
        end if;
        raise exception 'app.user_id is not set'
            using errcode = 'insufficient_privilege', hint = 'Set it in each transaction: select set_config(''app.user_id'', $1, true).';
    end if;
    raise exception 'the user of app.user_id is not active' using errcode = 'insufficient_privilege';
end
$$;
comment on function chatschema.acting_user() is
    'chatschema.actor(), or an error if nobody acts. Null, which stands for anybody, only without app.user_id and for a login that may act as the owner.';

create function chatschema.lock_own_user(wanted uuid) returns void
    language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    if chatschema.acting_user() <> wanted then
        raise exception 'app.user_id is another user'
            using errcode = 'insufficient_privilege', hint = 'Call the function for the user of the transaction.';
    end if;
    perform from public.users as u where u.id = wanted and u.account_state = 'active' for no key update;
    if not found then
        raise exception 'the user is not active' using errcode = 'insufficient_privilege';
    end if;
end
$$;
comment on function chatschema.lock_own_user(uuid) is
    'Requires that a user acts for themselves, and locks the row of the user: changes to the keys and sessions of one user happen one after the other.';

create function chatschema.publish_key(
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
comment on function chatschema.publish_key(uuid, uuid, text, text, bytea, bytea, text, timestamptz) is
    'Publishes a key of the acting user and returns its id. The active key of the same device and type is superseded, except one-time keys. Again with the same key_id and bytes: nothing changes.';

create function chatschema.claim_one_time_key(user_id uuid, device_id uuid)
    returns table (key_type text, key_id text, algorithm text, public_key bytea, signature bytea)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform chatschema.acting_user();
    if not exists (select from public.users as u where u.id = claim_one_time_key.user_id and u.account_state = 'active') then
        return;
    end if;
    -- SKIP LOCKED: whoever claims at the same time takes the next key, and nobody waits.
    return query
        update public.user_public_keys as k set status = 'used'
        where k.id = (
            select o.id from public.user_public_keys as o
            where o.user_id = claim_one_time_key.user_id and o.device_id is not distinct from claim_one_time_key.device_id
                and o.key_type = 'one_time_prekey' and o.status = 'active' and (o.expires_at is null or o.expires_at > now())
            order by o.id limit 1
            for update skip locked
        )
        returning k.key_type, k.key_id, k.algorithm, k.public_key, k.signature;
    if not found then
        return query
            select k.key_type, k.key_id, k.algorithm, k.public_key, k.signature from public.user_public_keys as k
            where k.user_id = claim_one_time_key.user_id and k.device_id is not distinct from claim_one_time_key.device_id
                and k.key_type = 'fallback' and k.status = 'active' and (k.expires_at is null or k.expires_at > now());
    end if;
end
$$;
comment on function chatschema.claim_one_time_key(uuid, uuid) is
    'Takes a one-time key of a device, the oldest first, to begin an encrypted exchange: each is handed out once. Then the fallback key; no row if there is neither.';

create function chatschema.revoke_device(user_id uuid, device_id uuid) returns table (keys_revoked integer, sessions_revoked integer)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    family uuid;
begin
    perform chatschema.lock_own_user(revoke_device.user_id);
    update public.user_public_keys as k set status = 'revoked', revoked_at = clock_timestamp()
    where k.user_id = revoke_device.user_id and k.device_id = revoke_device.device_id and k.status = 'active';
    get diagnostics keys_revoked = row_count;
    sessions_revoked := 0;
    for family in
        select s.family_id from public.auth_sessions as s
        where s.user_id = revoke_device.user_id and s.device_id = revoke_device.device_id and s.rotated_at is null and s.revoked_at is null
    loop
        sessions_revoked := sessions_revoked + chatschema.end_sessions(revoke_device.user_id, 'logout', family);
    end loop;
    return next;
end
$$;
comment on function chatschema.revoke_device(uuid, uuid) is
    'Revokes the keys and ends the logins of a device of the acting user, for example one that was lost.';

revoke execute on function
    chatschema.acting_user(), chatschema.lock_own_user(uuid),
    chatschema.publish_key(uuid, uuid, text, text, bytea, bytea, text, timestamptz), chatschema.claim_one_time_key(uuid, uuid),
    chatschema.revoke_device(uuid, uuid)
    from public;
