-- messages: refuses an id more than a day ahead of the server; explain_message_id() explains why an id has no month.
-- Why: the server looks for the partition of a row before any trigger or check, and its error has no reason and no hint.
-- Risk: new function bodies; takes no lock on existing data.
create or replace function chatschema.set_created_at_from_id() returns trigger
    language plpgsql
as $$
declare
    id_time constant timestamptz := chatschema.uuid7_time(new.id);
begin
    if id_time is null then
        raise exception 'message id % is not a UUIDv7', new.id
            using errcode = 'check_violation', schema = 'public', table = 'messages', column = 'id',
            hint = 'Leave the id out, or create it with chatschema.uuid7().';
    end if;
    if id_time > clock_timestamp() + interval '24 hours' then
        raise exception 'message id % is of %, more than a day ahead of the server', new.id, id_time
            using errcode = 'check_violation', schema = 'public', table = 'messages', column = 'id',
            hint = 'Correct the clock of the client, or leave the id out.';
    end if;
    -- A day allows for clocks that disagree; a larger difference is an import with ids of the wrong time. If created_at is now and
    -- the id is of another time, created_at was left out: a message written offline, or an import with correct ids.
    if new.created_at < id_time - interval '24 hours'
        or new.created_at > id_time + interval '24 hours' and new.created_at < now() - interval '24 hours'
    then
        raise exception 'message % has created_at %, but its id is of %', new.id, new.created_at, id_time
            using errcode = 'check_violation', schema = 'public', table = 'messages', column = 'created_at',
            hint = 'Create the id from the same time: chatschema.uuid7(created_at).';
    end if;
    new.created_at := id_time;
    return new;
end
$$;

create function chatschema.explain_message_id(id uuid) returns text
    language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    id_time constant timestamptz := chatschema.uuid7_time(id);
    month constant text := to_char(chatschema.uuid7_time(id) at time zone 'UTC', 'YYYY-MM');
    month_state text;
begin
    if id_time is null then
        return format('%s is not a UUIDv7: leave the id out, or create it with chatschema.uuid7()', id);
    end if;
    if id_time > clock_timestamp() + interval '24 hours' then
        return format('%s is of %s, more than a day ahead of the server: correct the clock of the client', id, id_time);
    end if;
    select r.state into month_state from chatschema.retired_months as r
    where r.month = date_trunc('month', id_time, 'UTC') and r.state <> 'attached';
    if found then
        return format('%s is of %s, a month that is %s: chatschema partition restore %s',
            id, month, month_state, month);
    end if;
    if not exists (
        select from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid = i.inhrelid
        cross join lateral regexp_match(
            pg_get_expr(c.relpartbound, 0), 'FROM \(''([0-9a-f-]{36})''\) TO \(''([0-9a-f-]{36})''\)'
        ) as bounds (parts)
        where i.inhparent = to_regclass('public.messages') and not i.inhdetachpending
            and (bounds.parts)[1]::uuid <= id and id < (bounds.parts)[2]::uuid
    ) then
        return format('%s is of %s, a month without a partition: chatschema partition ensure%s',
            id, month, case when date_trunc('month', id_time, 'UTC') <= now() then ' --from ' || month end);
    end if;
    return format('%s is of %s, a month that has its partition', id, month);
end
$$;
comment on function chatschema.explain_message_id(uuid) is
    'Explains why messages or message_statuses have no partition for an id; for the error 23514 "no partition of relation found for row".';
