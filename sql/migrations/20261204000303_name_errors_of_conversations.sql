-- functions: errors about conversations and participants have a name as constraint: that of the trigger, or of the rule.
-- Why: an application tells errors apart by SQLSTATE and constraint; a message is text for people.
-- Risk: functions only, whose rules do not change; no lock on data.
create or replace function chatschema.guard_new_participant() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    pair uuid[];
begin
    new.joined_at := now();
    select array[c.direct_user_low, c.direct_user_high] into pair
    from public.conversations as c where c.id = new.conversation_id and c.type = 'direct';
    -- To somebody outside of the pair the policy answers, the same as for a conversation that does not exist.
    if pair is null or chatschema.actor() <> all (pair) then
        return new;
    end if;
    if new.user_id <> all (pair) or new.role <> 'member' then
        raise exception 'a direct conversation has its two users as members, and nobody else'
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversation_participants',
            hint = 'Create a group for more people, or for roles.';
    end if;
    return new;
end
$$;

create or replace function chatschema.guard_founding() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from added as a
        join public.conversations as c on c.id = a.conversation_id
        where not exists (
            select from chatschema.memberships as v
            where v.conversation_id = a.conversation_id and (c.type = 'direct' or v.role = 'admin')
        )
    ) then
        raise exception 'whoever adds the first participants of a group is its first admin'
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversation_participants',
            hint = 'Insert yourself first, with the role admin, or all participants in one statement.';
    end if;
    return null;
end
$$;

create or replace function chatschema.guard_participant() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    actor constant uuid := chatschema.actor();
    acting_role text;
    is_direct boolean;
    -- The columns of their own row that participants change.
    own constant text[] := '{last_read_message_id,last_delivered_message_id,notification_level,muted_until,is_pinned}';
    granted text[] := '{updated_at}';
    refused text;
begin
    select v.role into acting_role from chatschema.memberships as v where v.conversation_id = old.conversation_id;
    select c.type = 'direct' into is_direct from public.conversations as c where c.id = old.conversation_id;
    if old.user_id = actor and old.left_at is null then
        granted := granted || own || '{left_at}';
    elsif old.left_at is null and (acting_role = 'admin' or acting_role = 'moderator' and old.role = 'member') and not is_direct then
        granted := granted || '{left_at}';
    elsif old.left_at is not null and acting_role = 'admin' and new.left_at is null and not is_direct then
        granted := granted || '{left_at}';
        new.joined_at := now();
    end if;
    if acting_role = 'admin' and not is_direct then
        granted := granted || '{role}';
    end if;
    select string_agg(o.key, ', ' order by o.key) into refused
    from jsonb_each(to_jsonb(old)) as o
    where o.value is distinct from to_jsonb(new) -> o.key and o.key <> all (granted)
        and not (o.key = 'joined_at' and '{left_at}' <@ granted and old.left_at is not null and new.left_at is null);
    if refused is not null then
        raise exception 'the role % in this conversation may not change % of this participant', coalesce(acting_role, 'none'), refused
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversation_participants',
            hint = 'Members change their own row, moderators remove members, admins do the rest.';
    end if;
    if new.left_at is not null and old.left_at is null then
        new.left_at := now();
    end if;
    return new;
end
$$;

create or replace function chatschema.keep_an_admin() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- An update, not a lock: two who leave at once meet here, and with an older snapshot the second one fails with 40001.
    update public.conversations as c set type = c.type where c.id = new.conversation_id;
    if old.role = 'admin' and old.left_at is null
        and exists (
            select from public.conversation_participants as p where p.conversation_id = new.conversation_id and p.left_at is null
        )
        and not exists (
            select from public.conversation_participants as p
            where p.conversation_id = new.conversation_id and p.left_at is null and p.role = 'admin'
        )
        and exists (select from public.conversations as c where c.id = new.conversation_id and c.type <> 'direct')
    then
        raise exception 'a group keeps an admin'
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversation_participants',
            hint = 'Make another participant admin first.';
    end if;
    return null;
end
$$;

create or replace function chatschema.refuse_history_change() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the setting history of conversation % cannot be changed', old.id
        using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversations', column = 'settings',
        hint = 'It is chosen when the conversation is created.';
end
$$;

create or replace function chatschema.create_conversation(
    created_by uuid, members uuid[], type text default 'group', title text default null, settings jsonb default '{}',
    retention_days integer default null, avatar_url text default null
) returns table (conversation_id uuid, is_new boolean)
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    acting constant uuid := chatschema.acting_user();
    everybody constant uuid[] := array(
        select distinct m from unnest(create_conversation.members || create_conversation.created_by) as m where m is not null
    );
    pair uuid[];
    founded uuid;
begin
    if acting <> create_conversation.created_by then
        raise exception 'app.user_id is another user'
            using errcode = 'insufficient_privilege', constraint = 'acting_user_differs', schema = 'public', table = 'users',
            hint = 'Call the function for the user of the transaction.';
    end if;
    -- The same answer for a user who does not exist and for one who is not active.
    if create_conversation.created_by is null or cardinality(everybody) > (
        select count(*) from public.users as u where u.id = any (everybody) and u.account_state = 'active'
    ) then
        raise exception 'a participant is not an active user'
            using errcode = 'insufficient_privilege', constraint = 'create_conversation_members', schema = 'public', table = 'conversations',
            hint = 'Choose the participants from chatschema.people.';
    end if;
    if create_conversation.type = 'direct' then
        if cardinality(everybody) > 2 then
            raise exception 'a direct conversation has two participants'
                using errcode = 'invalid_parameter_value', constraint = 'create_conversation_pair', schema = 'public', table = 'conversations',
                hint = 'Create a group.';
        end if;
        pair := array(select p from unnest(everybody) as p order by p);
    end if;
    insert into public.conversations (
        type, title, avatar_url, direct_user_low, direct_user_high, created_by, settings, retention_days
    ) values (
        create_conversation.type, create_conversation.title, create_conversation.avatar_url, pair[1], coalesce(pair[2], pair[1]),
        create_conversation.created_by, coalesce(create_conversation.settings, '{}'), create_conversation.retention_days
    )
    on conflict (direct_user_low, direct_user_high) do nothing
    returning conversations.id into founded;
    is_new := founded is not null;
    if founded is null then
        -- A statement of its own: it sees the row for which the insert waited.
        select c.id into founded from public.conversations as c
        where c.direct_user_low = pair[1] and c.direct_user_high = coalesce(pair[2], pair[1]);
    end if;
    insert into public.conversation_participants as p (conversation_id, user_id, role)
    select founded, m, case when m = create_conversation.created_by and create_conversation.type <> 'direct' then 'admin' else 'member' end
    from unnest(everybody) as m
    order by m
    on conflict (conversation_id, user_id) do update set left_at = null, joined_at = now() where p.left_at is not null;
    conversation_id := founded;
    return next;
end
$$;

create or replace function chatschema.share_key(
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
        raise exception 'a wrapped key has its bytes, a version and an algorithm'
            using errcode = 'null_value_not_allowed', constraint = 'share_key_values', schema = 'public', table = 'conversation_participants';
    end if;
    -- The participants before the conversation, as a member who leaves locks them too.
    perform from public.conversation_participants as p
    where p.conversation_id = share_key.conversation_id and p.user_id in (acting, share_key.user_id) and p.left_at is null
    order by p.user_id for no key update;
    get diagnostics members = row_count;
    if members < (case when acting = share_key.user_id then 1 else 2 end) then
        raise exception 'the key of a conversation is shared by a member with a member'
            using errcode = 'insufficient_privilege', constraint = 'share_key_members', schema = 'public', table = 'conversation_participants',
            hint = 'One of both is no member, or has left.';
    end if;
    select c.current_key_version into latest from public.conversations as c where c.id = share_key.conversation_id for no key update;
    if share_key.version not between 1 and latest + 1 then
        raise exception 'version % of the conversation key is not between 1 and %', share_key.version, latest + 1
            using errcode = 'invalid_parameter_value', constraint = 'share_key_version', schema = 'public', table = 'conversation_participants',
            hint = 'Read current_key_version of the conversation; a new key is one above it.';
    end if;
    if share_key.public_key_id is not null and not exists (
        select from public.user_public_keys as k
        where k.id = share_key.public_key_id and k.user_id = share_key.user_id and k.status = 'active'
    ) then
        raise exception 'the key is not wrapped for an active public key of the member'
            using errcode = 'invalid_parameter_value', constraint = 'share_key_public_key', schema = 'public', table = 'conversation_participants',
            hint = 'Read the public key of the member again.';
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
