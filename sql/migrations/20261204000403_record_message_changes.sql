-- events: messages that are sent, edited, marked as deleted and removed, where that is switched on.
-- Why: a cache of messages learns of changes by other processes and by people. One event a conversation and statement.
-- Risk: new triggers on messages, which wait for its writers for the moment of the commit; the months are not locked.
create function chatschema.record_sent_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    state record;
begin
    -- Read here, and not by a function: this is the price of each message where nothing is recorded.
    select s.records_changes, s.notifies into state from chatschema.event_state as s;
    if state.records_changes is not true or (current_setting('chatschema.event_batch', true) = 'on' and chatschema.is_event_batch()) then
        return null;
    end if;
    if (select count(*) from (select from added limit 2) as few) = 1 then
        insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id)
        select 'message.sent', 'messages', m.id, m.conversation_id, m.sender_id from added as m;
    else
        insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id, first_id, last_id, row_count)
        select 'message.sent', 'messages', case count(*) when 1 then min(m.id::text)::uuid end, m.conversation_id,
            case when min(m.sender_id::text) = max(m.sender_id::text) and count(m.sender_id) = count(*) then min(m.sender_id::text)::uuid end,
            case when count(*) > 1 then min(m.id::text)::uuid end, case when count(*) > 1 then max(m.id::text)::uuid end,
            case when count(*) > 1 then count(*) end
        from added as m
        group by m.conversation_id;
    end if;
    if found and state.notifies then
        perform pg_notify('chatschema_events', '');
    end if;
    return null;
end
$$;
comment on function chatschema.record_sent_messages() is 'Trigger: writes an event a conversation about the messages that a statement sent.';

create function chatschema.record_edited_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
    -- The plan is kept from the first statement, which has one row; a nested loop would compare 3,000 rows with 3,000.
    set enable_nestloop = off
as $$
declare
    state record;
begin
    -- Read here, and not by a function: this is the price of each message where nothing is recorded.
    select s.records_changes, s.notifies into state from chatschema.event_state as s;
    if state.records_changes is not true or (current_setting('chatschema.event_batch', true) = 'on' and chatschema.is_event_batch()) then
        return null;
    end if;
    insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id, first_id, last_id, row_count)
    select m.kind, 'messages', case count(*) when 1 then min(m.id::text)::uuid end, m.conversation_id,
        case when min(m.sender_id::text) = max(m.sender_id::text) and count(m.sender_id) = count(*) then min(m.sender_id::text)::uuid end,
        case when count(*) > 1 then min(m.id::text)::uuid end, case when count(*) > 1 then max(m.id::text)::uuid end,
        case when count(*) > 1 then count(*) end
    from (
        select n.id, n.conversation_id, n.sender_id, 'message.' || case
            when n.is_deleted and not o.is_deleted then 'deleted'
            when o.is_deleted and not n.is_deleted then 'restored'
            else 'edited'
        end as kind
        from before as o
        join after as n on n.id = o.id
        where (
            o.is_deleted, o.edit_count, o.content_encrypted, o.content_nonce, o.content_algorithm, o.key_version, o.sender_key_id,
            o.edit_history, o.sender_id, o.deleted_by, o.expires_at, o.message_type, o.reply_to_id
        ) is distinct from (
            n.is_deleted, n.edit_count, n.content_encrypted, n.content_nonce, n.content_algorithm, n.key_version, n.sender_key_id,
            n.edit_history, n.sender_id, n.deleted_by, n.expires_at, n.message_type, n.reply_to_id
        )
    ) as m
    group by m.kind, m.conversation_id;
    if found and state.notifies then
        perform pg_notify('chatschema_events', '');
    end if;
    return null;
end
$$;
comment on function chatschema.record_edited_messages() is
    'Trigger: writes an event a conversation about the messages that a statement edited, marked as deleted or restored.';

create function chatschema.record_removed_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    state record;
begin
    -- Read here, and not by a function: this is the price of each message where nothing is recorded.
    select s.records_changes, s.notifies into state from chatschema.event_state as s;
    if state.records_changes is not true or (current_setting('chatschema.event_batch', true) = 'on' and chatschema.is_event_batch()) then
        return null;
    end if;
    insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id, first_id, last_id, row_count)
    select 'message.removed', 'messages', case count(*) when 1 then min(m.id::text)::uuid end, m.conversation_id,
        case when min(m.sender_id::text) = max(m.sender_id::text) and count(m.sender_id) = count(*) then min(m.sender_id::text)::uuid end,
        case when count(*) > 1 then min(m.id::text)::uuid end, case when count(*) > 1 then max(m.id::text)::uuid end,
        case when count(*) > 1 then count(*) end
    from before as m
    group by m.conversation_id;
    if found and state.notifies then
        perform pg_notify('chatschema_events', '');
    end if;
    return null;
end
$$;
comment on function chatschema.record_removed_messages() is 'Trigger: writes an event a conversation about the messages whose rows a statement deleted.';
-- With EXECUTE, anyone could attach these SECURITY DEFINER functions to their own table and write as the owner.
revoke execute on function
    chatschema.record_sent_messages(), chatschema.record_edited_messages(), chatschema.record_removed_messages()
    from public;

create trigger messages_record_sent after insert on public.messages referencing new table as added
    for each statement execute function chatschema.record_sent_messages();
create trigger messages_record_edited after update on public.messages referencing old table as before new table as after
    for each statement execute function chatschema.record_edited_messages();
create trigger messages_record_removed after delete on public.messages referencing old table as before
    for each statement execute function chatschema.record_removed_messages();
comment on trigger messages_record_sent on public.messages is 'Writes events about messages that were sent.';
comment on trigger messages_record_edited on public.messages is 'Writes events about messages that were edited or marked as deleted.';
comment on trigger messages_record_removed on public.messages is 'Writes events about messages whose rows were deleted.';
