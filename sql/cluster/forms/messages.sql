-- messages: triggers that look up or change rows of other tables, by conversation.
-- Why: a shard has the rows of its conversations; a query without conversation_id would ask all of them.

create or replace function chatschema.remove_references() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    held uuid;
    of_one record;
    made uuid;
begin
    if not exists (select from gone) then
        return null;
    end if;
    if chatschema.has_active_hold() then
        select g.id into held from gone as g where chatschema.is_held(g.conversation_id, g.sender_id, g.id) limit 1;
        if found then
            raise exception 'message % is under a hold and cannot be deleted', held
                using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'messages',
                hint = 'Set is_deleted instead; the content is kept until the hold is released.';
        end if;
    end if;
    for of_one in select g.conversation_id as id, array_agg(g.id) as messages from gone as g group by g.conversation_id loop
        delete from public.message_statuses as s where s.conversation_id = of_one.id and s.message_id = any (of_one.messages);
        update public.messages as m set reply_to_id = null where m.conversation_id = of_one.id and m.reply_to_id = any (of_one.messages);
        update public.attachments as a set message_id = null where a.conversation_id = of_one.id and a.message_id = any (of_one.messages);
        -- The lists of those who take part, see lists.sql.
        made := chatschema.uuid7();
        insert into chatschema.list_changes (id, conversation_id) values (made, of_one.id);
    end loop;
    return null;
end
$$;

-- Fires for the table on the coordinator and for each shard; only the first knows all rows.
create or replace function chatschema.remove_references_of_truncated() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if tg_relid = 'public.messages'::regclass and (
        exists (select 1 from public.message_statuses) or exists (select 1 from public.attachments as a where a.message_id is not null)
    ) then
        raise exception 'message_statuses or attachments refer to the messages'
            using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'message_id',
            hint = 'Delete the messages of a conversation instead; to remove a month: chatschema partition retire.';
    end if;
    return null;
end
$$;

-- The content of a held message is erased later: the relay brings the row to chatschema.deferred_erasures.
create or replace function chatschema.keep_held_content() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    old_length constant integer := jsonb_array_length(old.edit_history);
    kept jsonb;
    appended jsonb;
begin
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    if not chatschema.is_held(old.conversation_id, old.sender_id, old.id) then
        return new;
    end if;
    if new.sender_id is not distinct from old.sender_id and new.is_deleted
        and (new.content_encrypted is null or jsonb_array_length(new.edit_history) < old_length)
    then
        -- A tombstone does not reveal the hold. The content is erased when the hold is released.
        perform chatschema.put_out(
            old.conversation_id, 'deferred_erasures',
            jsonb_build_object('message_id', old.id, 'origin', 'tombstone', 'erased_at', now())
        );
        new.content_encrypted := old.content_encrypted;
        new.content_nonce := old.content_nonce;
        new.content_algorithm := old.content_algorithm;
        new.key_version := old.key_version;
        new.sender_key_id := old.sender_key_id;
        new.edit_history := old.edit_history;
        return new;
    end if;
    -- An edit that keeps the earlier history and appends the previous version loses nothing.
    select coalesce(jsonb_agg(e.entry order by e.n) filter (where e.n <= old_length), '[]'),
        coalesce(jsonb_agg(e.entry order by e.n) filter (where e.n > old_length), '[]')
        into kept, appended
    from jsonb_array_elements(new.edit_history) with ordinality as e (entry, n);
    if new.sender_id is not distinct from old.sender_id and kept = old.edit_history and chatschema.keeps_version(
        appended,
        case when new.content_encrypted is distinct from old.content_encrypted then old.content_encrypted end,
        case when new.content_nonce is distinct from old.content_nonce then old.content_nonce end,
        case when new.content_algorithm is distinct from old.content_algorithm then old.content_algorithm end,
        case when new.key_version is distinct from old.key_version then old.key_version end,
        case when new.sender_key_id is distinct from old.sender_key_id then old.sender_key_id end
    ) then
        return new;
    end if;
    raise exception 'message % is under a hold: its content, edit history and sender cannot be changed', old.id
        using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'messages',
        hint = 'Append the previous version to edit_history in the same update: content and nonce in base64, algorithm, key_version and sender_key_id if they change.';
end
$$;
