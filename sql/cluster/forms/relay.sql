-- relay: rows that shards wrote for tables of the coordinator are moved there, each once.
-- Why: they leave the outbox in the transaction in which the coordinator stores them.

-- New: moves the oldest rows, at most `size`, and returns how many. If two runs overlap, the second waits for the first.
-- created_at of an entry of the trail is when the change happened, recorded_at when it came here; details.recorded_by names the
-- login of the change, recorded_by that of the relay. Events are recorded now, so that no reader has passed them.
create or replace function chatschema.relay(size integer default 1000) returns bigint
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    ids uuid[];
    taken jsonb;
begin
    perform pg_advisory_xact_lock(1667785076, 4);
    ids := array(select o.id from chatschema.outbox as o order by o.id limit relay.size);
    if cardinality(ids) = 0 then
        return 0;
    end if;
    with moved as (
        delete from chatschema.outbox as o where o.id = any (ids)
        returning o.id, o.target, o.entry, o.recorded_at, o.recorded_by
    )
    select jsonb_agg(to_jsonb(m) order by m.id) into taken from moved as m;
    insert into public.audit_logs (
        user_id, action, resource_type, resource_id, severity, details, ip_address, user_agent, session_id, request_id, created_at
    )
    select e.user_id, e.action, e.resource_type, e.resource_id, e.severity,
        coalesce(e.details, '{}') || jsonb_build_object('recorded_by', r.recorded_by),
        e.ip_address, e.user_agent, e.session_id, e.request_id, r.recorded_at
    from jsonb_to_recordset(taken) as r (id uuid, target text, entry jsonb, recorded_at timestamptz, recorded_by text)
    cross join lateral jsonb_to_record(r.entry) as e (
        user_id uuid, action text, resource_type text, resource_id text, severity text, details jsonb, ip_address inet, user_agent text,
        session_id uuid, request_id text
    )
    where r.target = 'audit_logs' order by r.id;
    insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id, first_id, last_id, row_count)
    select e.kind, e.table_name, e.row_id, e.conversation_id, e.user_id, e.first_id, e.last_id, e.row_count
    from jsonb_to_recordset(taken) as r (id uuid, target text, entry jsonb)
    cross join lateral jsonb_to_record(r.entry) as e (
        kind text, table_name text, row_id uuid, conversation_id uuid, user_id uuid, first_id uuid, last_id uuid, row_count bigint
    )
    where r.target = 'events' order by r.id;
    if found then
        perform chatschema.tell_of_events();
    end if;
    insert into chatschema.deferred_erasures (message_id, origin, erased_at)
    select e.message_id, e.origin, e.erased_at
    from jsonb_to_recordset(taken) as r (id uuid, target text, entry jsonb)
    cross join lateral jsonb_to_record(r.entry) as e (message_id uuid, origin text, erased_at timestamptz)
    where r.target = 'deferred_erasures' order by r.id
    on conflict do nothing;
    return jsonb_array_length(taken);
end
$$;
