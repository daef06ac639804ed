drop trigger message_statuses_require_reader on public.message_statuses;
drop function chatschema.require_changed_reader();

create or replace function chatschema.require_messages() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wanted uuid;
    conversation uuid;
    is_only_row boolean;
    found_conversation uuid;
    is_complete boolean;
begin
    -- A detached month is checked when it is attached.
    if tg_table_schema <> 'public' and not chatschema.is_attached(tg_relid) then
        return null;
    end if;
    select a.message_id, a.conversation_id, not exists (select from added as b offset 1)
        into wanted, conversation, is_only_row from added as a limit 1;
    if wanted is null then
        return null;
    end if;
    if is_only_row then
        -- The lock of a foreign key: a delete of the message waits, and then finds this row.
        select m.conversation_id into found_conversation from public.messages as m where m.id = wanted for key share;
        if found_conversation = conversation then
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
    'Trigger: requires that the messages of new statuses exist in the same conversation, and locks them as a foreign key does.';
comment on trigger message_statuses_require_messages on public.message_statuses is 'A new status has an existing message.';
drop function chatschema.refuse_reader(uuid, uuid);
