create or replace function chatschema.complete_status() returns trigger
    language plpgsql
as $$
begin
    if new.conversation_id is null and new.message_id is not null then
        select m.conversation_id into new.conversation_id from public.messages as m where m.id = new.message_id;
        if not found then
            raise exception 'message % does not exist', new.message_id
                using errcode = 'foreign_key_violation', schema = 'public', table = 'message_statuses', column = 'message_id',
                hint = 'It may have been deleted, or retired with its month.';
        end if;
    end if;
    if new.status = 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := least(new.delivered_at, new.read_at);
    elsif new.status = 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
    elsif new.status = 'failed' then
        new.failed_at := coalesce(new.failed_at, now());
    end if;
    return new;
end
$$;

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
        using errcode = 'foreign_key_violation', schema = 'public', table = 'message_statuses', column = 'message_id',
        hint = 'It may have been deleted, or retired with its month.';
end
$$;

create or replace function chatschema.require_changed_message() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.messages as m where m.id = new.message_id and m.conversation_id = new.conversation_id for key share;
    if not found then
        raise exception 'message % is not in conversation %', new.message_id, new.conversation_id
            using errcode = 'foreign_key_violation', schema = 'public', table = 'message_statuses', column = 'message_id',
            hint = 'It may have been deleted, or retired with its month.';
    end if;
    -- Two statements, so that the second has a snapshot that is newer than the lock of the first.
    if not chatschema.has_active_hold() then
        return new;
    end if;
    if exists (
        select from public.messages as m
        where m.id = old.message_id and chatschema.is_held(m.conversation_id, m.sender_id, m.id)
    ) then
        raise exception 'a status of message %, which is under a hold, keeps its message and its reader', old.message_id
            using errcode = 'integrity_constraint_violation', schema = 'public', table = 'message_statuses',
            hint = 'List the holds: chatschema hold list.';
    end if;
    return new;
end
$$;

create or replace function chatschema.refuse_status_move() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'a status of message % keeps its message and its reader', old.message_id
        using errcode = 'insufficient_privilege', schema = 'public', table = 'message_statuses', hint = 'Insert a status for the other message.';
end
$$;

create or replace function chatschema.set_conversation_id_from_message() returns trigger
    language plpgsql
as $$
begin
    if new.conversation_id is null and new.message_id is not null then
        select m.conversation_id into new.conversation_id from public.messages as m where m.id = new.message_id;
        if not found then
            raise exception 'message % does not exist', new.message_id
                using errcode = 'foreign_key_violation', table = tg_table_name, schema = tg_table_schema,
                hint = 'It may have been deleted, or retired with its month.';
        end if;
    end if;
    return new;
end
$$;
