-- statuses: triggers of message_statuses, a conversation at a time.
-- Why: the rows of one statement may be of several conversations of the same shard, and each query needs its conversation.

create or replace function chatschema.require_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    of_one record;
    found_ids uuid[];
    missing uuid;
    stranger uuid;
begin
    -- A detached month is checked when it is attached.
    if tg_table_schema <> 'public' and not chatschema.is_attached(tg_relid) then
        return null;
    end if;
    for of_one in
        select a.conversation_id as id, array_agg(distinct a.message_id) as messages, array_agg(distinct a.user_id) as readers
        from added as a group by a.conversation_id
    loop
        -- The lock of a foreign key: a delete of a message waits, and then finds these rows.
        found_ids := array(
            select m.id from public.messages as m
            where m.conversation_id = of_one.id and m.id = any (of_one.messages)
            for key share
        );
        select w.id into missing from unnest(of_one.messages) as w (id) where w.id <> all (found_ids) limit 1;
        if found then
            raise exception 'message % is not in conversation %', missing, of_one.id
                using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'message_id',
                hint = 'It may have been deleted, or retired with its month.';
        end if;
        found_ids := array(
            select p.user_id from public.conversation_participants as p
            where p.conversation_id = of_one.id and p.user_id = any (of_one.readers)
        );
        select w.id into stranger from unnest(of_one.readers) as w (id) where w.id <> all (found_ids) limit 1;
        if found then
            select a.message_id into missing from added as a where a.conversation_id = of_one.id and a.user_id = stranger limit 1;
            perform chatschema.refuse_reader(missing, of_one.id);
        end if;
    end loop;
    return null;
end
$$;

create or replace function chatschema.require_changed_message() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    sender uuid;
begin
    perform from public.messages as m where m.id = new.message_id and m.conversation_id = new.conversation_id for key share;
    if not found then
        raise exception 'message % is not in conversation %', new.message_id, new.conversation_id
            using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'message_id',
            hint = 'It may have been deleted, or retired with its month.';
    end if;
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    select m.sender_id into sender from public.messages as m where m.conversation_id = old.conversation_id and m.id = old.message_id;
    if found and chatschema.is_held(old.conversation_id, sender, old.message_id) then
        raise exception 'a status of message %, which is under a hold, keeps its message and its reader', old.message_id
            using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'message_statuses',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return new;
end
$$;

create or replace function chatschema.refuse_delete_of_held_statuses() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    of_one record;
    message record;
begin
    if not exists (select from gone) then
        return null;
    end if;
    if not chatschema.has_active_hold() then
        return null;
    end if;
    for of_one in select g.conversation_id as id, array_agg(distinct g.message_id) as messages from gone as g group by g.conversation_id loop
        -- If the statuses are deleted with their message, the message is not found, and it was not held.
        for message in
            select m.id, m.sender_id from public.messages as m where m.conversation_id = of_one.id and m.id = any (of_one.messages)
        loop
            if chatschema.is_held(of_one.id, message.sender_id, message.id) then
                raise exception 'a status of message %, which is under a hold, cannot be deleted', message.id
                    using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'message_statuses',
                    hint = 'List the holds: chatschema hold list.';
            end if;
        end loop;
    end loop;
    return null;
end
$$;

-- On one server the message is found by its id alone. The function keeps its arguments, and asks every shard for the conversation.
create or replace function chatschema.add_reaction(message_id uuid, user_id uuid, reaction text) returns boolean
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
#variable_conflict use_column
declare
    conversation uuid;
    at constant timestamptz := clock_timestamp();
begin
    if add_reaction.reaction is null or add_reaction.reaction = '' then
        raise exception 'a reaction is a text of 1 to 64 characters'
            using errcode = 'invalid_parameter_value', constraint = 'add_reaction_text', schema = 'public', table = 'message_statuses',
            hint = 'Give an emoji, or its name.';
    end if;
    select m.conversation_id into conversation from public.messages as m where m.id = add_reaction.message_id;
    if not found then
        raise exception 'message % does not exist', add_reaction.message_id
            using errcode = 'foreign_key_violation', constraint = 'message_statuses_complete', schema = 'public', table = 'message_statuses',
            column = 'message_id', hint = 'It may have been deleted, or retired with its month.';
    end if;
    insert into public.message_statuses as s (message_id, user_id, conversation_id, reactions, reacted_at)
    values (add_reaction.message_id, add_reaction.user_id, conversation, array[add_reaction.reaction], at)
    on conflict (conversation_id, message_id, user_id) do update
        set reactions = s.reactions || excluded.reactions, reacted_at = excluded.reacted_at
        where not s.reactions @> excluded.reactions;
    return found;
end
$$;

create or replace function chatschema.remove_reaction(message_id uuid, user_id uuid, reaction text) returns boolean
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    conversation uuid;
    at constant timestamptz := clock_timestamp();
begin
    select m.conversation_id into conversation from public.messages as m where m.id = remove_reaction.message_id;
    if not found then
        return false;
    end if;
    update public.message_statuses as s set reactions = array_remove(s.reactions, remove_reaction.reaction), reacted_at = at
    where s.conversation_id = conversation and s.message_id = remove_reaction.message_id and s.user_id = remove_reaction.user_id
        and remove_reaction.reaction = any (s.reactions);
    return found;
end
$$;
