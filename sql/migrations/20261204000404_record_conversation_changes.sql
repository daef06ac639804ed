-- events: conversations and participants that are created, changed and removed, where that is switched on.
-- Why: a cache of conversation lists learns of changes by other processes and by people. A read mark is no event.
-- Risk: new triggers on conversations and conversation_participants, which wait for their writers for the moment of the commit.
create function chatschema.records_changes() returns boolean
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (select from chatschema.event_state as s where s.records_changes) and not chatschema.is_event_batch();
end
$$;
comment on function chatschema.records_changes() is
    'Whether changes of conversations, participants and messages become events. Not those of a command of the owner, which writes events of its own.';

create function chatschema.record_conversation_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
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
        insert into chatschema.events (kind, table_name, row_id, conversation_id)
        values ('conversation.removed', 'conversations', old.id, old.id);
    else
        insert into chatschema.events (kind, table_name, row_id, conversation_id)
        values (
            'conversation.' || case
                when tg_op = 'INSERT' then 'created'
                when old.deleted_at is null and new.deleted_at is not null then 'deleted'
                else 'changed'
            end,
            'conversations', new.id, new.id
        );
    end if;
    perform chatschema.tell_of_events();
    return null;
end
$$;
comment on function chatschema.record_conversation_event() is 'Trigger: writes an event about a conversation that was created, changed, marked as deleted or removed.';

create function chatschema.record_added_participants() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not chatschema.records_changes() then
        return null;
    end if;
    insert into chatschema.events (kind, table_name, conversation_id, user_id)
    select 'participant.added', 'conversation_participants', p.conversation_id, p.user_id from added as p;
    perform chatschema.tell_of_events();
    return null;
end
$$;
comment on function chatschema.record_added_participants() is 'Trigger: writes an event about each participant that a statement added.';

create function chatschema.record_participant_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- Here, and not in a WHEN of the trigger, which costs a read mark as much.
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
    insert into chatschema.events (kind, table_name, conversation_id, user_id)
    values (
        'participant.' || case
            when tg_op = 'DELETE' then 'removed'
            when old.left_at is null and new.left_at is not null then 'left'
            when old.left_at is not null and new.left_at is null then 'added'
            else 'changed'
        end,
        'conversation_participants', old.conversation_id, old.user_id
    );
    perform chatschema.tell_of_events();
    return null;
end
$$;
comment on function chatschema.record_participant_event() is 'Trigger: writes an event about a participant who left, came back, was changed or removed.';
-- With EXECUTE, anyone could attach these SECURITY DEFINER functions to their own table and write as the owner.
revoke execute on function
    chatschema.records_changes(), chatschema.record_conversation_event(), chatschema.record_added_participants(), chatschema.record_participant_event()
    from public;

create trigger conversations_record_created after insert or delete on public.conversations
    for each row execute function chatschema.record_conversation_event();
-- Without lists of columns: the type of a column that a trigger names cannot be changed.
create trigger conversations_record_changed after update on public.conversations
    for each row execute function chatschema.record_conversation_event();
create trigger conversation_participants_record_added after insert on public.conversation_participants referencing new table as added
    for each statement execute function chatschema.record_added_participants();
create trigger conversation_participants_record_changed after update on public.conversation_participants
    for each row execute function chatschema.record_participant_event();
create trigger conversation_participants_record_removed after delete on public.conversation_participants
    for each row execute function chatschema.record_participant_event();
comment on trigger conversations_record_created on public.conversations is 'Writes an event about a conversation that was created or removed.';
comment on trigger conversations_record_changed on public.conversations is 'Writes an event about a conversation that was changed.';
comment on trigger conversation_participants_record_added on public.conversation_participants is 'Writes events about participants that were added.';
comment on trigger conversation_participants_record_changed on public.conversation_participants is 'Writes an event about a participant who left or was changed; not about read marks.';
comment on trigger conversation_participants_record_removed on public.conversation_participants is 'Writes an event about a participant whose row was deleted.';
