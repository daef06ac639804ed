-- events: rows of chatschema.events, which only the coordinator has; those of shards wait in chatschema.outbox.
-- Why: readers of events need the order of the commits of one server; the relay gives it to them.

-- New: an event of a conversation. Whether changes are recorded says chatschema.event_state, a reference table.
create or replace function chatschema.put_event(
    kind text, table_name text, row_id uuid, conversation uuid, user_id uuid, first_id uuid default null, last_id uuid default null,
    row_count bigint default null
) returns void
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    perform chatschema.put_out(put_event.conversation, 'events', jsonb_strip_nulls(jsonb_build_object(
        'kind', put_event.kind, 'table_name', put_event.table_name, 'row_id', put_event.row_id,
        'conversation_id', put_event.conversation, 'user_id', put_event.user_id, 'first_id', put_event.first_id,
        'last_id', put_event.last_id, 'row_count', put_event.row_count
    )));
end
$$;

create or replace function chatschema.record_conversation_event() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    -- The whole row but for what is no change of it: a column that comes later belongs to it, one that is dropped is missed by nobody.
    if tg_op = 'UPDATE' then
        old.updated_at := new.updated_at;
        if old *= new then
            return null;
        end if;
    end if;
    if not chatschema.records_changes() then
        return null;
    end if;
    if tg_op = 'DELETE' then
        perform chatschema.put_event('conversation.removed', 'conversations', old.id, old.id, null);
    else
        perform chatschema.put_event(
            'conversation.' || case
                when tg_op = 'INSERT' then 'created'
                when old.deleted_at is null and new.deleted_at is not null then 'deleted'
                else 'changed'
            end,
            'conversations', new.id, new.id, null
        );
    end if;
    return null;
end
$$;

create or replace function chatschema.record_added_participants() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    joined record;
begin
    if not chatschema.records_changes() then
        return null;
    end if;
    for joined in select p.conversation_id, p.user_id from added as p loop
        perform chatschema.put_event('participant.added', 'conversation_participants', null, joined.conversation_id, joined.user_id);
    end loop;
    return null;
end
$$;

create or replace function chatschema.record_participant_event() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if tg_op = 'UPDATE' then
        old.updated_at := new.updated_at;
        old.last_read_message_id := new.last_read_message_id;
        old.last_delivered_message_id := new.last_delivered_message_id;
        if old *= new then
            return null;
        end if;
    end if;
    if not chatschema.records_changes() then
        return null;
    end if;
    perform chatschema.put_event(
        'participant.' || case
            when tg_op = 'DELETE' then 'removed'
            when old.left_at is null and new.left_at is not null then 'left'
            when old.left_at is not null and new.left_at is null then 'added'
            else 'changed'
        end,
        'conversation_participants', null, old.conversation_id, old.user_id
    );
    return null;
end
$$;

-- New: an event a conversation about messages, given as rows of (id, conversation_id, sender_id, kind).
create or replace function chatschema.put_message_events(changed jsonb) returns void
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    of_one record;
begin
    for of_one in
        select m.kind, m.conversation_id, count(*) as messages, min(m.id::text)::uuid as low, max(m.id::text)::uuid as high,
            case when min(m.sender_id::text) = max(m.sender_id::text) and count(m.sender_id) = count(*) then min(m.sender_id::text)::uuid end as sender
        from jsonb_to_recordset(changed) as m (id uuid, conversation_id uuid, sender_id uuid, kind text)
        group by m.kind, m.conversation_id
    loop
        if of_one.messages = 1 then
            perform chatschema.put_event(of_one.kind, 'messages', of_one.low, of_one.conversation_id, of_one.sender);
        else
            perform chatschema.put_event(
                of_one.kind, 'messages', null, of_one.conversation_id, of_one.sender, of_one.low, of_one.high, of_one.messages
            );
        end if;
    end loop;
end
$$;

create or replace function chatschema.record_sent_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.records_changes() then
        perform chatschema.put_message_events((
            select jsonb_agg(jsonb_build_object('id', m.id, 'conversation_id', m.conversation_id, 'sender_id', m.sender_id, 'kind', 'message.sent'))
            from added as m
        ));
    end if;
    return null;
end
$$;

create or replace function chatschema.record_removed_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.records_changes() then
        perform chatschema.put_message_events((
            select jsonb_agg(jsonb_build_object('id', m.id, 'conversation_id', m.conversation_id, 'sender_id', m.sender_id, 'kind', 'message.removed'))
            from before as m
        ));
    end if;
    return null;
end
$$;

create or replace function chatschema.record_edited_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.records_changes() then
        perform chatschema.put_message_events((
            select jsonb_agg(jsonb_build_object(
                'id', n.id, 'conversation_id', n.conversation_id, 'sender_id', n.sender_id,
                'kind', 'message.' || case
                    when n.is_deleted and not o.is_deleted then 'deleted'
                    when o.is_deleted and not n.is_deleted then 'restored'
                    else 'edited'
                end
            ))
            from before as o
            join after as n on n.id = o.id
            where (
                o.is_deleted, o.edit_count, o.content_encrypted, o.content_nonce, o.content_algorithm, o.key_version, o.sender_key_id,
                o.edit_history, o.sender_id, o.deleted_by, o.expires_at, o.message_type, o.reply_to_id
            ) is distinct from (
                n.is_deleted, n.edit_count, n.content_encrypted, n.content_nonce, n.content_algorithm, n.key_version, n.sender_key_id,
                n.edit_history, n.sender_id, n.deleted_by, n.expires_at, n.message_type, n.reply_to_id
            )
        ));
    end if;
    return null;
end
$$;
