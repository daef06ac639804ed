-- holds: what triggers on shards ask about holds, answered on the node they run on.
-- Why: holds stay on the coordinator; chatschema.node_holds, a reference table, has the scopes of the active ones on each node.

-- Whether any hold is active. The lock is that of the node: no hold is placed there until the transaction ends.
create or replace function chatschema.has_active_hold() returns boolean
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    -- A LOCK that Citus passed on would lock the table on every node.
    set citus.enable_ddl_propagation to 'off'
    as $$
begin
    lock table chatschema.node_holds in row share mode;
    return exists (select from chatschema.node_holds);
end
$$;

create or replace function chatschema.is_held(conversation uuid, sender uuid, message uuid) returns boolean
    language plpgsql stable security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    return exists (
        select from chatschema.node_holds as h
        where (h.conversation_id is null or h.conversation_id = conversation) and (h.user_id is null or h.user_id = sender)
            and (h.low is null or message >= h.low) and (h.high is null or message < h.high)
    ) or exists (
        select from chatschema.hold_conversations as c
        join chatschema.node_holds as h on h.id = c.hold_id
        where c.conversation_id = conversation and (h.low is null or message >= h.low) and (h.high is null or message < h.high)
    );
end
$$;

-- A participant joins on a shard: the holds on the user cover the conversation from now on.
create or replace function chatschema.record_joined_conversation() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    hold bigint;
begin
    if not chatschema.has_active_hold() then
        return null;
    end if;
    for hold in
        select h.id from chatschema.node_holds as h
        where h.user_id = new.user_id and (h.conversation_id is null or h.conversation_id = new.conversation_id)
    loop
        insert into chatschema.hold_conversations (hold_id, conversation_id, added_at) values (hold, new.conversation_id, clock_timestamp())
        on conflict do nothing;
    end loop;
    return null;
end
$$;

-- Runs on the coordinator, where holds are; hold_conversations and conversation_participants are colocated.
create or replace function chatschema.record_hold_conversations() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    set citus.multi_shard_modify_mode to 'sequential'
    as $$
begin
    insert into chatschema.hold_conversations (hold_id, conversation_id)
    select new.id, p.conversation_id from public.conversation_participants as p
    where p.user_id = new.user_id and (new.conversation_id is null or new.conversation_id = p.conversation_id);
    return null;
end
$$;

create or replace function chatschema.keep_held_file() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    sender uuid;
begin
    if not chatschema.has_active_hold() then
        return case when tg_op = 'DELETE' then old else new end;
    end if;
    -- What a hold kept of a dropped month is on the coordinator: here a file of a held message that is gone stays as it is.
    select m.sender_id into sender from public.messages as m where m.conversation_id = old.conversation_id and m.id = old.message_id;
    if chatschema.is_held(old.conversation_id, coalesce(sender, old.uploader_id), old.message_id) then
        raise exception 'attachment % belongs to a message under a hold and cannot be changed', old.id
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'attachments',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;

create or replace function chatschema.keep_held_reactions() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    sender uuid;
begin
    if not chatschema.has_active_hold() then
        return new;
    end if;
    select m.sender_id into sender from public.messages as m where m.conversation_id = old.conversation_id and m.id = old.message_id;
    if found and chatschema.is_held(old.conversation_id, sender, old.message_id) then
        raise exception 'message % is under a hold: its reactions cannot be removed', old.message_id
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'reactions',
            hint = 'Reactions may be added.';
    end if;
    return new;
end
$$;

-- New: a hold that is placed or released changes the copy on each node, before the trigger that reads the participants.
create or replace function chatschema.share_hold() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if tg_op = 'INSERT' then
        insert into chatschema.node_holds (id, conversation_id, user_id, low, high)
        values (new.id, new.conversation_id, new.user_id, chatschema.uuid7_floor(new.from_at), chatschema.uuid7_floor(new.to_at));
    else
        delete from chatschema.node_holds where id = new.id;
    end if;
    return null;
end
$$;

-- New: runs on each node. Waits for the transactions there that changed messages and cannot see the hold.
create or replace function chatschema.wait_on_node() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    set citus.enable_ddl_propagation to 'off'
    set lock_timeout to '5s'
    as $$
begin
    lock table chatschema.node_holds in exclusive mode;
    return null;
end
$$;
