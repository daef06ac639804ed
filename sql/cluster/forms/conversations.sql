-- conversations: one direct conversation a pair without a unique key over the pair, and who may enter one.
-- Why: a unique key contains the column that rows are distributed by; so the id of the pair is made of the pair.

-- New: fires on a shard. Direct conversations from before have other ids: chatschema.direct_pairs, a reference table, has them.
create or replace function chatschema.require_pair_id() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    known uuid;
begin
    select d.conversation_id into known from chatschema.direct_pairs as d
    where d.direct_user_low = new.direct_user_low and d.direct_user_high = new.direct_user_high;
    if new.id is distinct from coalesce(known, chatschema.direct_id(new.direct_user_low, new.direct_user_high)) then
        raise exception 'conversation % is not the one of users % and %', new.id, new.direct_user_low, new.direct_user_high
            using errcode = 'unique_violation', constraint = 'conversations_direct_pair_key', schema = 'public', table = 'conversations',
            hint = 'Insert it with the id chatschema.pair_id(low, high) and on conflict (id) do nothing.';
    end if;
    return new;
end
$$;

-- New: the id of the direct conversation of two users, whether it exists or not; for one of the two.
create or replace function chatschema.pair_id(one uuid, other uuid) returns uuid
    language plpgsql stable security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.acting_user() not in (one, other) then
        raise exception 'app.user_id is another user'
            using errcode = 'insufficient_privilege', constraint = 'acting_user_differs', schema = 'public', table = 'users',
            hint = 'Call the function for the user of the transaction.';
    end if;
    return coalesce(
        (
            select d.conversation_id from chatschema.direct_pairs as d
            where d.direct_user_low = least(one, other) and d.direct_user_high = greatest(one, other)
        ),
        chatschema.direct_id(one, other)
    );
end
$$;

create or replace function chatschema.create_conversation(
    created_by uuid, members uuid[], type text default 'group'::text, title text default null::text, settings jsonb default '{}'::jsonb,
    retention_days integer default null::integer, avatar_url text default null::text
) returns table(conversation_id uuid, is_new boolean)
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
#variable_conflict use_column
declare
    acting constant uuid := chatschema.acting_user();
    everybody constant uuid[] := array(
        select distinct m from unnest(create_conversation.members || create_conversation.created_by) as m where m is not null
    );
    at constant timestamptz := now();
    pair uuid[];
    wanted uuid := chatschema.uuid7();
    founded uuid;
    member uuid;
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
        wanted := chatschema.pair_id(pair[1], coalesce(pair[2], pair[1]));
    end if;
    insert into public.conversations (
        id, type, title, avatar_url, direct_user_low, direct_user_high, created_by, settings, retention_days
    ) values (
        wanted, create_conversation.type, create_conversation.title, create_conversation.avatar_url, pair[1], coalesce(pair[2], pair[1]),
        create_conversation.created_by, coalesce(create_conversation.settings, '{}'), create_conversation.retention_days
    )
    on conflict (id) do nothing
    returning conversations.id into founded;
    foreach member in array everybody loop
        insert into public.conversation_participants as p (conversation_id, user_id, role, joined_at)
        values (
            wanted, member,
            case when member = create_conversation.created_by and create_conversation.type <> 'direct' then 'admin' else 'member' end, at
        )
        on conflict (conversation_id, user_id) do update set left_at = null, joined_at = excluded.joined_at where p.left_at is not null;
    end loop;
    conversation_id := wanted;
    is_new := founded is not null;
    return next;
end
$$;

-- New: checks once, on the coordinator, that a user takes part in a conversation, and tells the shards for this transaction.
create or replace function chatschema.enter(user_id uuid, conversation_id uuid) returns text
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    acting_role text;
    reads_since timestamptz;
begin
    if not exists (select from public.users as u where u.id = enter.user_id and u.account_state = 'active') then
        raise exception 'the user is not active'
            using errcode = 'insufficient_privilege', constraint = 'user_inactive', schema = 'public', table = 'users';
    end if;
    select p.role, coalesce(p.reads_from, date_trunc('milliseconds', p.joined_at)) into acting_role, reads_since
    from public.conversation_participants as p
    where p.conversation_id = enter.conversation_id and p.user_id = enter.user_id and p.left_at is null;
    if not found then
        -- Whoever created a conversation that nobody has joined yet founds it.
        perform from public.conversations as c where c.id = enter.conversation_id and c.created_by = enter.user_id;
        if not found or exists (select from public.conversation_participants as p where p.conversation_id = enter.conversation_id) then
            raise exception 'the user does not take part in conversation %', enter.conversation_id
                using errcode = 'insufficient_privilege', constraint = 'enter_member', schema = 'public', table = 'conversation_participants';
        end if;
        acting_role := 'founder';
        reads_since := now();
    end if;
    -- Only a SET in the text of a statement is passed on to the shards, and only with this setting.
    perform set_config('citus.propagate_set_commands', 'local', true);
    execute format('set local app.user_id = %L', enter.user_id);
    execute format('set local app.entered_conversation = %L', enter.conversation_id);
    execute format('set local app.entered_role = %L', acting_role);
    execute format('set local app.entered_since = %L', reads_since);
    return acting_role;
end
$$;
