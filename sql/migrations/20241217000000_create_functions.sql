-- chatschema: the functions that ids, timestamps and partitions are made of.
-- Why: a UUIDv7 carries its time, so messages can be partitioned by month on their own primary key.
-- Risk: new objects only; takes no lock on existing data.

-- The schema exists already when chatschema runs this file (it keeps its ledger there); psql may run it too.
do $$
begin
    if to_regnamespace('chatschema') is null then
        create schema chatschema;
    end if;
end
$$;
comment on schema chatschema is 'Functions of the chat schema and the ledger of the chatschema command.';
-- Defaults and models call chatschema.uuid7(); the tables in here are granted one by one.
grant usage on schema chatschema to public;

create schema chat_partitions;
comment on schema chat_partitions is
    'Monthly partitions of messages and message_statuses. Grant nobody USAGE: policies of a parent do not cover a direct read.';


create function chatschema.uuid7(at timestamptz) returns uuid
    language sql volatile strict parallel safe
as $$
    -- RFC 9562 section 5.7: 48 bits of milliseconds, version 7, 12 bits of the fraction (method 3), variant, 62 random bits.
    select (
        lpad(to_hex(micros / 1000), 12, '0')
        || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
        || substr(replace(gen_random_uuid()::text, '-', ''), 17)
    )::uuid
    from (select floor(extract(epoch from at - timestamptz '1970-01-01 00:00:00+00') * 1000000)::bigint) as t (micros)
$$;
comment on function chatschema.uuid7(timestamptz) is
    'A new UUIDv7 of the given moment, for imports: the id decides in which month a message is stored.';


create function chatschema.uuid7() returns uuid
    language plpgsql volatile parallel safe
as $$
begin
    -- Decided at run time, so a database upgraded to 18 takes the built-in generator without a migration.
    if current_setting('server_version_num')::int >= 180000 then
        return pg_catalog.uuidv7();
    end if;
    return chatschema.uuid7(clock_timestamp());
end
$$;
comment on function chatschema.uuid7() is
    'A new UUIDv7 of this moment: the built-in uuidv7() from PostgreSQL 18 on, SQL before.';


-- Immutable, or every query with a bound on the id would visit every partition. Out-of-range times clamp to the ends.
create function chatschema.uuid7_floor(at timestamptz) returns uuid
    language sql immutable strict parallel safe
as $$
    select (
        lpad(to_hex(least(greatest(millis, 0), 281474976710655)), 12, '0') || '70008000000000000000'
    )::uuid
    from (select floor(extract(epoch from at - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint) as t (millis)
$$;
comment on function chatschema.uuid7_floor(timestamptz) is
    'The smallest UUIDv7 of the given moment: the bound of a partition, and of a query by time (id >= uuid7_floor($1)).';


-- Through a double, which keeps milliseconds exact until the year 2242 and lets the planner inline the function.
create function chatschema.uuid7_time(id uuid) returns timestamptz
    language sql immutable strict parallel safe
as $$
    select case when substr(id::text, 15, 1) = '7' then
        to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0::float8)
    end
$$;
comment on function chatschema.uuid7_time(uuid) is
    'The moment a UUIDv7 was made, in whole milliseconds; null for any other version.';


create function chatschema.set_updated_at() returns trigger
    language plpgsql
as $$
begin
    new.updated_at := now();
    return new;
end
$$;
comment on function chatschema.set_updated_at() is 'Trigger: updated_at is the time of the transaction that changed the row.';
