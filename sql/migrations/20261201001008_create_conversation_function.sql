-- functions: create_conversation() founds a conversation with its participants in one call.
-- Why: two people who open their direct conversation at the same time must get the same one, also if one of them had left it.
-- Risk: new function only; takes no lock on existing data.
-- Access: app: execute chatschema.create_conversation(uuid, uuid[], text, text, jsonb, integer, text)
create function chatschema.create_conversation(
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
            using errcode = 'insufficient_privilege', hint = 'Call the function for the user of the transaction.';
    end if;
    -- The same answer for a user who does not exist and for one who is not active.
    if create_conversation.created_by is null or cardinality(everybody) > (
        select count(*) from public.users as u where u.id = any (everybody) and u.account_state = 'active'
    ) then
        raise exception 'a participant is not an active user'
            using errcode = 'insufficient_privilege', hint = 'Choose the participants from chatschema.people.';
    end if;
    if create_conversation.type = 'direct' then
        if cardinality(everybody) > 2 then
            raise exception 'a direct conversation has two participants'
                using errcode = 'invalid_parameter_value', hint = 'Create a group.';
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
comment on function chatschema.create_conversation(uuid, uuid[], text, text, jsonb, integer, text) is
    'Founds a group, whose creator is its admin, or opens the direct conversation of two users: the same for both, and again for one who had left.';

revoke execute on function chatschema.create_conversation(uuid, uuid[], text, text, jsonb, integer, text) from public;
