-- conversation_participants: members share the conversation key, and a member who leaves loses it.
-- Why: only an owner may write the wrapped key of another member; and clients must learn that somebody who knows the key has left.
-- Risk: new triggers on conversation_participants, which wait for their writers for the moment of the commit.
-- Access: app: execute chatschema.share_key(uuid, uuid, bytea, integer, text, bytea, uuid)
create function chatschema.share_key(
    conversation_id uuid, user_id uuid, encrypted_key bytea, version integer, algorithm text,
    nonce bytea default null, public_key_id uuid default null
) returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    acting constant uuid := coalesce(chatschema.acting_user(), share_key.user_id);
    members integer;
    latest integer;
begin
    if share_key.encrypted_key is null or share_key.version is null or share_key.algorithm is null then
        raise exception 'a wrapped key has its bytes, a version and an algorithm' using errcode = 'null_value_not_allowed';
    end if;
    -- The participants before the conversation, as a member who leaves locks them too.
    perform from public.conversation_participants as p
    where p.conversation_id = share_key.conversation_id and p.user_id in (acting, share_key.user_id) and p.left_at is null
    order by p.user_id for no key update;
    get diagnostics members = row_count;
    if members < (case when acting = share_key.user_id then 1 else 2 end) then
        raise exception 'the key of a conversation is shared by a member with a member'
            using errcode = 'insufficient_privilege', hint = 'One of both is no member, or has left.';
    end if;
    select c.current_key_version into latest from public.conversations as c where c.id = share_key.conversation_id for no key update;
    if share_key.version not between 1 and latest + 1 then
        raise exception 'version % of the conversation key is not between 1 and %', share_key.version, latest + 1
            using errcode = 'invalid_parameter_value', hint = 'Read current_key_version of the conversation; a new key is one above it.';
    end if;
    if share_key.public_key_id is not null and not exists (
        select from public.user_public_keys as k
        where k.id = share_key.public_key_id and k.user_id = share_key.user_id and k.status = 'active'
    ) then
        raise exception 'the key is not wrapped for an active public key of the member'
            using errcode = 'invalid_parameter_value', hint = 'Read the public key of the member again.';
    end if;
    update public.conversation_participants as p
    set encrypted_key = share_key.encrypted_key, key_version = share_key.version, key_algorithm = share_key.algorithm,
        key_nonce = share_key.nonce, public_key_id = share_key.public_key_id
    where p.conversation_id = share_key.conversation_id and p.user_id = share_key.user_id
        and (p.key_version is null or p.key_version < share_key.version);
    if not found then
        return false;
    end if;
    if share_key.version > latest then
        update public.conversations as c set current_key_version = share_key.version where c.id = share_key.conversation_id;
    end if;
    return true;
end
$$;
comment on function chatschema.share_key(uuid, uuid, bytea, integer, text, bytea, uuid) is
    'Gives a member the conversation key, wrapped for a public key of theirs; false if they have this version or a later one. A version one above current_key_version begins a new key.';

-- After the guards of row level security, which compare the columns that the caller has changed: triggers run by name.
create function chatschema.withdraw_key() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.encrypted_key := null;
    new.key_nonce := null;
    new.key_algorithm := null;
    new.key_version := null;
    new.public_key_id := null;
    return new;
end
$$;
comment on function chatschema.withdraw_key() is 'Trigger: removes the wrapped key of a participant who leaves.';

create function chatschema.raise_key_version() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update public.conversations as c set current_key_version = c.current_key_version + 1 where c.id = old.conversation_id;
    return null;
end
$$;
comment on function chatschema.raise_key_version() is
    'Trigger: somebody who knows the conversation key has left, so the next version is due.';

-- With EXECUTE, anyone could attach the SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function
    chatschema.share_key(uuid, uuid, bytea, integer, text, bytea, uuid), chatschema.withdraw_key(), chatschema.raise_key_version()
    from public;

create trigger conversation_participants_withdraw_key before update of left_at on public.conversation_participants
    for each row when (old.left_at is null and new.left_at is not null)
    execute function chatschema.withdraw_key();
create trigger conversation_participants_raise_key_version after update of left_at on public.conversation_participants
    for each row when (old.left_at is null and new.left_at is not null)
    execute function chatschema.raise_key_version();
create trigger conversation_participants_raise_key_version_of_deleted after delete on public.conversation_participants
    for each row when (old.left_at is null)
    execute function chatschema.raise_key_version();
comment on trigger conversation_participants_withdraw_key on public.conversation_participants is 'A participant who leaves loses the wrapped key.';
comment on trigger conversation_participants_raise_key_version on public.conversation_participants is
    'When a participant leaves, current_key_version rises: clients know to create a new key.';
comment on trigger conversation_participants_raise_key_version_of_deleted on public.conversation_participants is
    'The same where the row of a participant is deleted.';
