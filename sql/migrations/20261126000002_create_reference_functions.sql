-- functions: keep references to messages, and holds on them, once for each statement and only in the months of its rows.
-- Why: a row trigger searched every month for each deleted message: 100,000 of them at 126 months took 67 s, a statement trigger less than 1 s.
-- Risk: new functions only; takes no lock on existing data.
-- One function for an insert, and one for an update: a second call for each row would cost more than its work.
create function chatschema.complete_status() returns trigger
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
comment on function chatschema.complete_status() is
    'Trigger: fills in the conversation of the message, and the times that the status implies, if the client leaves them out.';

create function chatschema.merge_status() returns trigger
    language plpgsql
as $$
begin
    if array_position('{sent,failed,delivered,read}'::text[], new.status)
        < array_position('{sent,failed,delivered,read}'::text[], old.status)
    then
        new.status := old.status;
    end if;
    -- least() ignores nulls: the first report counts, and a report that leaves a time out does not erase it.
    new.delivered_at := least(old.delivered_at, new.delivered_at);
    new.read_at := least(old.read_at, new.read_at);
    new.failed_at := least(old.failed_at, new.failed_at);
    if new.status = 'read' then
        new.read_at := coalesce(new.read_at, now());
        new.delivered_at := least(new.delivered_at, new.read_at);
    elsif new.status = 'delivered' then
        new.delivered_at := coalesce(new.delivered_at, now());
    elsif new.status = 'failed' then
        new.failed_at := coalesce(new.failed_at, now());
    end if;
    new.updated_at := now();
    return new;
end
$$;
comment on function chatschema.merge_status() is
    'Trigger: a status only rises (sent, failed, delivered, read), each time is that of the first report, and read implies delivered. Sets updated_at.';

create function chatschema.require_messages() returns trigger
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
comment on function chatschema.require_messages() is
    'Trigger: requires that the messages of new statuses exist in the same conversation, and locks them as a foreign key does.';

create function chatschema.require_changed_message() returns trigger
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
comment on function chatschema.require_changed_message() is
    'Trigger: requires that the new message of a status exists in the same conversation. A status of a held message cannot be moved.';

create function chatschema.is_attached(relation oid) returns boolean
    language sql stable set search_path = pg_catalog, pg_temp
as $$
    select c.relispartition from pg_catalog.pg_class as c where c.oid = relation
$$;
comment on function chatschema.is_attached(oid) is
    'Whether a month is attached.';

create function chatschema.require_read_committed() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception '% of % is refused in a % transaction',
            lower(tg_op), tg_relid::regclass, current_setting('transaction_isolation')
            using errcode = 'feature_not_supported',
            hint = 'Set is_deleted instead, or delete in a read committed transaction.';
    end if;
    return null;
end
$$;
comment on function chatschema.require_read_committed() is
    'Trigger: messages are deleted under READ COMMITTED only. With an older snapshot a delete cannot see statuses, replies and attachments that were added later, and would leave them without their message.';

create function chatschema.remove_references() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    gone_rows bigint;
    message uuid;
    held uuid;
    low uuid;
    high uuid;
begin
    select count(*) over (), g.id into gone_rows, message from gone as g limit 1;
    if gone_rows is null then
        return null;
    end if;
    if chatschema.has_active_hold() then
        select g.id into held from gone as g where chatschema.is_held(g.conversation_id, g.sender_id, g.id) limit 1;
        if found then
            raise exception 'message % is under a hold and cannot be deleted', held
                using errcode = 'integrity_constraint_violation', schema = 'public', table = 'messages',
                hint = 'Set is_deleted instead; the content is kept until the hold is released.';
        end if;
    end if;
    if gone_rows = 1 then
        delete from public.message_statuses as s where s.message_id = message;
        update public.messages as m set reply_to_id = null where m.reply_to_id = message;
        update public.attachments as a set message_id = null where a.message_id = message;
        return null;
    end if;
    low := (select g.id from gone as g order by g.id limit 1);
    high := (select g.id from gone as g order by g.id desc limit 1);
    execute format('delete from public.message_statuses as s using gone as g where s.message_id = g.id and s.message_id between %L and %L', low, high);
    update public.attachments as a set message_id = null from gone as g where a.message_id = g.id;
    -- A reply may be in any month.
    execute 'update public.messages as m set reply_to_id = null from gone as g where m.reply_to_id = g.id';
    return null;
end
$$;
comment on function chatschema.remove_references() is
    'Trigger: deleting messages removes their statuses, sets reply_to_id of their replies to null and releases their attachments. Refuses messages under a hold.';

create function chatschema.remove_references_of_truncated() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    bounds constant text[] := regexp_match(
        (select pg_get_expr(c.relpartbound, 0) from pg_catalog.pg_class as c where c.oid = tg_relid),
        'FROM \(''([0-9a-f-]{36})''\) TO \(''([0-9a-f-]{36})''\)'
    );
    low constant uuid := coalesce(bounds[1], '00000000-0000-0000-0000-000000000000');
    high constant uuid := coalesce(bounds[2], 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
    if tg_table_schema <> 'public' and not chatschema.is_attached(tg_relid) then
        return null;
    end if;
    if exists (select from public.message_statuses as s where s.message_id >= low and s.message_id < high) then
        raise exception 'message_statuses refer to the messages of %', tg_relid::regclass
            using errcode = 'foreign_key_violation', schema = 'public', table = 'message_statuses', column = 'message_id',
            hint = 'Truncate both: truncate public.messages, public.message_statuses; to remove a month: chatschema partition retire.';
    end if;
    update public.messages as m set reply_to_id = null where m.reply_to_id >= low and m.reply_to_id < high;
    update public.attachments as a set message_id = null where a.message_id >= low and a.message_id < high;
    return null;
end
$$;
comment on function chatschema.remove_references_of_truncated() is
    'Trigger: truncating messages releases their attachments and replies. It is refused while statuses refer to them, as by a foreign key.';

-- With EXECUTE, anyone could attach these SECURITY DEFINER functions to their own table and write as the owner.
revoke execute on function
    chatschema.require_messages(), chatschema.require_changed_message(), chatschema.remove_references(),
    chatschema.remove_references_of_truncated()
    from public;
