-- rights: what only a distributed database has belongs to the owner, but for what the application's role uses, where it was applied.
-- Why: with EXECUTE, anyone could attach a SECURITY DEFINER trigger function to their own table. enter() and pair_id() check who
-- acts, and the lists have a policy.
revoke all on function chatschema.require_pair_id() from public;
revoke all on function chatschema.share_hold() from public;
revoke all on function chatschema.wait_on_node() from public;
revoke all on function chatschema.is_coordinator() from public;
revoke all on function chatschema.put_out(uuid, text, jsonb) from public;
revoke all on function chatschema.put_event(text, text, uuid, uuid, uuid, uuid, uuid, bigint) from public;
revoke all on function chatschema.put_message_events(jsonb) from public;
revoke all on function chatschema.relay(integer) from public;
revoke all on function chatschema.note_participants() from public;
revoke all on function chatschema.note_participant() from public;
revoke all on function chatschema.note_messages() from public;
revoke all on function chatschema.note_conversation() from public;
revoke all on function chatschema.note_month() from public;
revoke all on function chatschema.renew_lists(uuid[], uuid[], uuid[]) from public;
revoke all on function chatschema.relay_lists(integer) from public;
revoke all on function chatschema.relay_list_month(integer) from public;
revoke all on function chatschema.enter(uuid) from public;
revoke all on function chatschema.enter(uuid, uuid) from public;
revoke all on function chatschema.pair_id(uuid, uuid) from public;
do $rights$
declare
    app text;
begin
    for app in
        select r.rolname from chatschema.applied_roles as a join pg_catalog.pg_roles as r on r.rolname = a.prefix || '_app'
    loop
        execute format('grant select on chatschema.user_conversations to %I', app);
        execute format('grant execute on function chatschema.enter(uuid), chatschema.enter(uuid, uuid), chatschema.pair_id(uuid, uuid) to %I', app);
    end loop;
end
$rights$;
