-- rights: what only a distributed database has belongs to the owner, but for the two functions that the application calls.
-- Why: with EXECUTE, anyone could attach a SECURITY DEFINER trigger function to their own table. enter() and pair_id() check who acts.
revoke all on function chatschema.require_pair_id() from public;
revoke all on function chatschema.share_hold() from public;
revoke all on function chatschema.wait_on_node() from public;
revoke all on function chatschema.is_coordinator() from public;
revoke all on function chatschema.put_out(uuid, text, jsonb) from public;
revoke all on function chatschema.put_event(text, text, uuid, uuid, uuid, uuid, uuid, bigint) from public;
revoke all on function chatschema.put_message_events(jsonb) from public;
revoke all on function chatschema.relay(integer) from public;
