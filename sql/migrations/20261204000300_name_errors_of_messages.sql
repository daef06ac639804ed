-- functions: errors about messages have the name of their trigger as constraint, and the table messages instead of a month.
-- Why: an application tells errors apart by SQLSTATE and constraint; a message is text for people, and a month's name changes.
-- Risk: functions only, whose rules do not change; no lock on data.
create function chatschema.table_of(relation oid) returns text
    language sql stable set search_path = pg_catalog, pg_temp
as $$
    select c.relname from pg_catalog.pg_class as c
    where c.oid = coalesce((select i.inhparent from pg_catalog.pg_inherits as i where i.inhrelid = relation), relation)
$$;
comment on function chatschema.table_of(oid) is 'Name of a table; of the parent where it is a month. Errors name it: the name of a month changes.';
revoke all on function chatschema.table_of(oid) from public;

create or replace function chatschema.set_created_at_from_id() returns trigger
    language plpgsql
as $$
declare
    id_time constant timestamptz := chatschema.uuid7_time(new.id);
begin
    if id_time is null then
        raise exception 'message id % is not a UUIDv7', new.id
            using errcode = 'check_violation', constraint = tg_name, schema = 'public', table = 'messages', column = 'id',
            hint = 'Leave the id out, or create it with chatschema.uuid7().';
    end if;
    if id_time > clock_timestamp() + interval '24 hours' then
        raise exception 'message id % is of %, more than a day ahead of the server', new.id, id_time
            using errcode = 'check_violation', constraint = tg_name, schema = 'public', table = 'messages', column = 'id',
            hint = 'Correct the clock of the client, or leave the id out.';
    end if;
    -- A day allows for clocks that disagree; a larger difference is an import with ids of the wrong time. If created_at is now and
    -- the id is of another time, created_at was left out: a message written offline, or an import with correct ids.
    if new.created_at < id_time - interval '24 hours'
        or new.created_at > id_time + interval '24 hours' and new.created_at < now() - interval '24 hours'
    then
        raise exception 'message % has created_at %, but its id is of %', new.id, new.created_at, id_time
            using errcode = 'check_violation', constraint = tg_name, schema = 'public', table = 'messages', column = 'created_at',
            hint = 'Create the id from the same time: chatschema.uuid7(created_at).';
    end if;
    new.created_at := id_time;
    return new;
end
$$;

create or replace function chatschema.require_message() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wanted uuid;
begin
    if tg_argv[0] = 'reply_to_id' then
        wanted := new.reply_to_id;
    else
        wanted := new.message_id;
    end if;
    -- The lock of a foreign key: a delete of the message waits, and then finds this row.
    perform from public.messages as m where m.id = wanted and m.conversation_id = new.conversation_id for key share;
    if not found then
        raise exception 'message % is not in conversation %', wanted, new.conversation_id
            using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = chatschema.table_of(tg_relid), column = tg_argv[0],
            hint = 'It may have been deleted, or retired with its month.';
    end if;
    return null;
end
$$;

create or replace function chatschema.keep_message_identity() returns trigger
    language plpgsql
as $$
begin
    raise exception 'the id and the conversation of message % cannot be changed', old.id
        using errcode = 'check_violation', constraint = tg_name, schema = 'public', table = 'messages',
        hint = 'Delete the message and send a new one.';
end
$$;

create or replace function chatschema.require_read_committed() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception '% of % is refused in a % transaction',
            lower(tg_op), tg_relid::regclass, current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', constraint = tg_name, schema = 'public', table = 'messages',
            hint = 'Set is_deleted instead, or delete in a read committed transaction.';
    end if;
    return null;
end
$$;

create or replace function chatschema.remove_references() returns trigger
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
                using errcode = 'integrity_constraint_violation', constraint = tg_name, schema = 'public', table = 'messages',
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

create or replace function chatschema.remove_references_of_truncated() returns trigger
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
            using errcode = 'foreign_key_violation', constraint = tg_name, schema = 'public', table = 'message_statuses', column = 'message_id',
            hint = 'Truncate both: truncate public.messages, public.message_statuses; to remove a month: chatschema partition retire.';
    end if;
    update public.messages as m set reply_to_id = null where m.reply_to_id >= low and m.reply_to_id < high;
    update public.attachments as a set message_id = null where a.message_id >= low and a.message_id < high;
    return null;
end
$$;

create or replace function chatschema.guard_message() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    actor constant uuid := chatschema.actor();
    content constant text[] := '{content_encrypted,content_nonce,edit_history,updated_at}';
    of_a_tombstone constant text[] := '{is_deleted,deleted_at,deleted_by}';
    -- The content is taken away, or was gone before.
    is_erased constant boolean :=
        new.content_encrypted is null and new.content_nonce is null and jsonb_array_length(new.edit_history) = 0;
    refusal text;
begin
    if old.is_deleted then
        if to_jsonb(new) - content <> to_jsonb(old) - content
            or not is_erased and to_jsonb(new) - 'updated_at' <> to_jsonb(old) - 'updated_at'
        then
            refusal := 'it is deleted, which is final';
        end if;
    elsif new.sender_id is distinct from old.sender_id then
        refusal := 'its sender stays';
    elsif new.deleted_by <> actor then
        refusal := 'only the acting user deletes it';
    elsif old.sender_id is distinct from actor and (
        not new.is_deleted or not is_erased or new.deleted_by is null
        or to_jsonb(new) - content - of_a_tombstone <> to_jsonb(old) - content - of_a_tombstone
    ) then
        refusal := 'it is of another user, and can only be deleted as a whole';
    end if;
    if refusal is not null then
        raise exception 'message % cannot be changed like this: %', old.id, refusal
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'messages',
            hint = 'To delete it, set is_deleted, deleted_at and deleted_by, content_encrypted and content_nonce to null, edit_history to [].';
    end if;
    return new;
end
$$;

create or replace function chatschema.require_owner() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
    parent name;
begin
    if pg_has_role(current_user, (select c.relowner from pg_catalog.pg_class as c where c.oid = tg_relid), 'usage') then
        return null;
    end if;
    -- A truncate of the parent fires the triggers of each month, and no policy covers it.
    if tg_op <> 'TRUNCATE' or not exists (
        select from pg_catalog.pg_inherits as i
        where i.inhrelid = tg_relid and has_table_privilege(current_user, i.inhparent, 'truncate')
    ) then
        select c.relname into parent from pg_catalog.pg_inherits as i join pg_catalog.pg_class as c on c.oid = i.inhparent
        where i.inhrelid = tg_relid;
        raise exception 'table % is a month; only its owner may write to it directly', tg_relid::regclass
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = coalesce(parent, tg_table_name),
            hint = 'Write to public.messages or public.message_statuses.';
    end if;
    return null;
end
$$;
