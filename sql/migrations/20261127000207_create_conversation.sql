-- create_conversation: a conversation with its participants, in one call.
-- Why: two people who write to each other at the same moment get the same direct conversation.
-- Risk: a new function only; takes no lock on existing data.
create function chatschema.create_conversation(
    others uuid[], type text default 'group', title text default null, settings jsonb default '{}'
) returns uuid
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    actor constant uuid := chatschema.actor();
    other constant uuid := others[1];
    created uuid;
begin
    if actor is null then
        raise exception 'nobody is acting in this transaction'
            using errcode = 'insufficient_privilege', hint = 'First: select set_config(''app.user_id'', $1, true).';
    end if;
    if create_conversation.type is distinct from 'direct' then
        insert into public.conversations (type, title, settings, created_by)
        values (create_conversation.type, create_conversation.title, coalesce(create_conversation.settings, '{}'), actor)
        returning id into created;
        insert into public.conversation_participants (conversation_id, user_id, role)
        select distinct on (p.id) created, p.id, p.role
        from (select actor as id, 'admin' as role, 0 as place union all select u.id, 'member', 1 from unnest(others) as u (id)) as p
        order by p.id, p.place;
        return created;
    end if;
    if cardinality(others) is distinct from 1 or other is null then
        raise exception 'a direct conversation is with one user' using errcode = 'invalid_parameter_value',
            hint = 'Name the other user, or the acting user for notes to oneself.';
    end if;
    insert into public.conversations as c (type, settings, created_by, direct_user_low, direct_user_high)
    values ('direct', coalesce(create_conversation.settings, '{}'), actor, least(actor, other), greatest(actor, other))
    on conflict (direct_user_low, direct_user_high) do nothing returning c.id into created;
    if created is null then
        -- A new statement: it sees what a transaction committed for which the insert has waited.
        select c.id into strict created from public.conversations as c
        where c.direct_user_low = least(actor, other) and c.direct_user_high = greatest(actor, other);
    end if;
    insert into public.conversation_participants (conversation_id, user_id)
    select distinct created, p.id from unnest(array[actor, other]) as p (id) order by p.id
    on conflict (conversation_id, user_id) do nothing;
    -- Who had left comes back by writing again; the time away stays unread.
    update public.conversation_participants as p set left_at = null, joined_at = now()
    where p.conversation_id = created and p.user_id = actor and p.left_at is not null;
    return created;
end
$$;
comment on function chatschema.create_conversation(uuid[], text, text, jsonb) is
    'Creates a conversation of the acting user with others and returns its id. A direct one that exists already is returned, the same to both.';
revoke all on function chatschema.create_conversation(uuid[], text, text, jsonb) from public;
