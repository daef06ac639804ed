-- page: a page of a conversation, read from a few months at a time, newest first.
-- Why: a query over all months is planned over all of them: 8 ms at 120 months, although the newest page is in the newest month or two.
-- Risk: new functions only; takes no lock on existing data.
create function chatschema.page(conversation uuid, before uuid default null, size integer default 50) returns setof public.messages
    language plpgsql stable
as $$
declare
    high uuid := coalesce(before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    low uuid;
    -- Without a cursor the first window has no end, because the newest id may be of tomorrow. The timestamps have no time zone,
    -- because a month added in that of the session may end on another day.
    start timestamp := date_trunc('month', coalesce(chatschema.uuid7_time(before), now()) at time zone 'UTC');
    months integer := 1;
    found_rows integer;
begin
    -- Windows of 1, 1, 2, 4, ... months. The bounds are literals, so that the plan leaves out the other months.
    while size > 0 loop
        low := chatschema.uuid7_floor(start at time zone 'UTC');
        return query execute format(
            'select * from public.messages where conversation_id = $1 and id < %L and id >= %L order by id desc limit $2', high, low)
            using conversation, size;
        get diagnostics found_rows = row_count;
        size := size - found_rows;
        exit when start <= timestamp '1970-01-01 00:00:00';
        -- A cursor that is no UUIDv7 may be before the month of the first window.
        high := least(high, low);
        start := start - months * interval '1 month';
        months := months * 2;
    end loop;
end
$$;
comment on function chatschema.page(uuid, uuid, integer) is
    'The newest messages of a conversation, or those before a message, newest first: select * from chatschema.page($1, $2, 50). Takes the same time with any number of months.';

create function chatschema.page_after(conversation uuid, after uuid, size integer default 50) returns setof public.messages
    language plpgsql stable
as $$
declare
    low uuid := coalesce(after, '00000000-0000-0000-0000-000000000000');
    high uuid;
    beyond text := '>';
    stop timestamp := date_trunc(
        'month', coalesce(chatschema.uuid7_time(after), timestamptz '1970-01-01 00:00:00+00') at time zone 'UTC');
    months integer := 1;
    found_rows integer;
    is_last boolean;
begin
    while size > 0 loop
        stop := stop + months * interval '1 month';
        is_last := stop > now() at time zone 'UTC' + interval '2 days';
        high := case when is_last then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else chatschema.uuid7_floor(stop at time zone 'UTC') end;
        return query execute format(
            'select * from public.messages where conversation_id = $1 and id %s %L and id < %L order by id limit $2', beyond, low, high)
            using conversation, size;
        get diagnostics found_rows = row_count;
        size := size - found_rows;
        exit when is_last;
        if high > low then
            low := high;
            beyond := '>=';
        end if;
        months := months * 2;
    end loop;
end
$$;
comment on function chatschema.page_after(uuid, uuid, integer) is
    'The messages of a conversation after a message, or all of them, oldest first, for a client that was away: select * from chatschema.page_after($1, $2, 50).';
