-- functions: add_reaction() and remove_reaction() change one reaction of a reader and keep the others.
-- Why: a client that writes the whole list loses what another device of the same user has added meanwhile.
-- Risk: new functions only; takes no lock on existing data.
-- Access: app: execute chatschema.add_reaction(uuid, uuid, text)
-- Access: app: execute chatschema.remove_reaction(uuid, uuid, text)
create function chatschema.add_reaction(message_id uuid, user_id uuid, reaction text) returns boolean
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if add_reaction.reaction is null or add_reaction.reaction = '' then
        raise exception 'a reaction is a text of 1 to 64 characters'
            using errcode = 'invalid_parameter_value', constraint = 'add_reaction_text', schema = 'public', table = 'message_statuses',
            hint = 'Give an emoji, or its name.';
    end if;
    -- One statement: it waits for another device and then sees what that has stored; with an older snapshot it fails with 40001.
    insert into public.message_statuses as s (message_id, user_id, reactions, reacted_at)
    values (add_reaction.message_id, add_reaction.user_id, array[add_reaction.reaction], clock_timestamp())
    on conflict (message_id, user_id) do update
        set reactions = array_append(s.reactions, add_reaction.reaction), reacted_at = excluded.reacted_at
        where add_reaction.reaction <> all (s.reactions);
    return found;
end
$$;
comment on function chatschema.add_reaction(uuid, uuid, text) is
    'Adds a reaction of a reader to a message; false if it was there. Devices that do so at once lose none; at REPEATABLE READ or SERIALIZABLE repeat the transaction after 40001.';
revoke all on function chatschema.add_reaction(uuid, uuid, text) from public;

create function chatschema.remove_reaction(message_id uuid, user_id uuid, reaction text) returns boolean
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    update public.message_statuses as s
    set reactions = array_remove(s.reactions, remove_reaction.reaction), reacted_at = clock_timestamp()
    where s.message_id = remove_reaction.message_id and s.user_id = remove_reaction.user_id
        and remove_reaction.reaction = any (s.reactions);
    return found;
end
$$;
comment on function chatschema.remove_reaction(uuid, uuid, text) is
    'Removes a reaction of a reader from a message; false if it was not there. Devices that do so at once lose no other; at REPEATABLE READ or SERIALIZABLE repeat the transaction after 40001.';
revoke all on function chatschema.remove_reaction(uuid, uuid, text) from public;
