drop function chatschema.explain_message_id(uuid);

create or replace function chatschema.set_created_at_from_id() returns trigger
    language plpgsql
as $$
declare
    id_time constant timestamptz := chatschema.uuid7_time(new.id);
begin
    if id_time is null then
        raise exception 'message id % is not a UUIDv7', new.id
            using errcode = 'check_violation', hint = 'Leave the id out, or make it with chatschema.uuid7().';
    end if;
    -- A day covers clocks that disagree; more is an import that forgot to date its ids. An id of another time with a
    -- created_at of now is one whose created_at was left out: a message written offline, or an import that trusts its ids.
    if new.created_at < id_time - interval '24 hours'
        or new.created_at > id_time + interval '24 hours' and new.created_at < now() - interval '24 hours'
    then
        raise exception 'message % says created_at %, but its id is of %', new.id, new.created_at, id_time
            using errcode = 'check_violation', hint = 'Make the id of the same moment: chatschema.uuid7(created_at).';
    end if;
    new.created_at := id_time;
    return new;
end
$$;
