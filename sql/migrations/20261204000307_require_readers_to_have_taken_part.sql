-- message_statuses: refused for a reader who never took part in the conversation, whoever writes the row.
-- Why: row policies hold for the application only. A worker or the owner could store a status or a reaction of a stranger. A late
-- report of somebody who has left passes.
-- Risk: a new trigger on updates that move a status, which waits for writers of message_statuses and blocks them for the moment of
-- the commit; inserts have one look-up more. Existing rows are not checked: docs/how-to/find-strangers.md has the query.
create function chatschema.refuse_reader(message uuid, conversation uuid) returns void
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the reader of message % never took part in conversation %', message, conversation
        using errcode = 'foreign_key_violation', constraint = 'message_statuses_require_reader', schema = 'public',
        table = 'message_statuses', column = 'user_id', hint = 'Reports and reactions come from those who take or took part.';
end
$$;
comment on function chatschema.refuse_reader(uuid, uuid) is 'Raises the error about a reader who never took part in a conversation.';
revoke all on function chatschema.refuse_reader(uuid, uuid) from public;

create or replace function chatschema.require_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wanted uuid;
    conversation uuid;
    reader uuid;
    is_only_row boolean;
    found_conversation uuid;
    is_complete boolean;
begin
    -- A detached month is checked when it is attached.
    if tg_table_schema <> 'public' and not chatschema.is_attached(tg_relid) then
        return null;
    end if;
    select a.message_id, a.conversation_id, a.user_id, not exists (select from added as b offset 1)
        into wanted, conversation, reader, is_only_row from added as a limit 1;
    if wanted is null then
        return null;
    end if;
    if is_only_row then
        -- The lock of a foreign key: a delete of the message waits, and then finds this row.
        select m.conversation_id into found_conversation from public.messages as m where m.id = wanted for key share;
        if found_conversation = conversation then
            -- Apart from the query above, which is planned each time for the month of its message.
            if not exists (
                select from public.conversation_participants as p where p.conversation_id = conversation and p.user_id = reader
            ) then
                perform chatschema.refuse_reader(wanted, conversation);
            end if;
            return null;
        end if;
    else
        -- With the bounds as literals, only the months of these rows are planned, locked and read; and a plan for two rows is not
        -- reused for a hundred thousand.
        execute format($query$
            with wanted as materialized (
                select distinct a.message_id, a.conversation_id from added as a
            ), locked as materialized (
                select m.id from wanted as w
                join public.messages as m on m.id = w.message_id and m.conversation_id = w.conversation_id
                where m.id between %L and %L
                for key share of m
            )
            select (select count(*) from wanted) = (select count(*) from locked)
        $query$, (select a.message_id from added as a order by a.message_id limit 1),
            (select a.message_id from added as a order by a.message_id desc limit 1)) into is_complete;
        if is_complete then
            -- Planned each time: over few rows by the key, over many by reading the participants once.
            execute $query$
                select a.message_id, a.conversation_id from added as a
                where not exists (
                    select from public.conversation_participants as p
                    where p.conversation_id = a.conversation_id and p.user_id = a.user_id
                ) limit 1
            $query$ into wanted, conversation;
            if wanted is not null then
                perform chatschema.refuse_reader(wanted, conversation);
            end if;
            return null;
        end if;
        select a.message_id, a.conversation_id into wanted, conversation from added as a
        where not exists (select from public.messages as m where m.id = a.message_id and m.conversation_id = a.conversation_id)
        limit 1;
    end if;
    raise exception 'message % is not in conversation %', wanted, conversation
        using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'message_id',
        hint = 'It may have been deleted, or retired with its month.';
end
$$;
comment on function chatschema.require_messages() is
    'Trigger: requires that the messages of new statuses exist in the same conversation, and locks them as a foreign key does; and that their readers take or took part in it.';

create function chatschema.require_changed_reader() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from public.conversation_participants as p where p.conversation_id = new.conversation_id and p.user_id = new.user_id
    ) then
        perform chatschema.refuse_reader(new.message_id, new.conversation_id);
    end if;
    return new;
end
$$;
comment on function chatschema.require_changed_reader() is 'Trigger: the new reader of a status takes or took part in the conversation.';
revoke all on function chatschema.require_changed_reader() from public;

-- BEFORE, because for a row that moves to another month only these and the row triggers of insert and delete fire.
create trigger message_statuses_require_reader before update of user_id, conversation_id on public.message_statuses
    for each row when (new.user_id <> old.user_id or new.conversation_id <> old.conversation_id)
    execute function chatschema.require_changed_reader();
comment on trigger message_statuses_require_reader on public.message_statuses is
    'The reader of a changed status takes or took part in the conversation.';
comment on trigger message_statuses_require_messages on public.message_statuses is
    'A new status has an existing message, and a reader who takes or took part in the conversation.';
