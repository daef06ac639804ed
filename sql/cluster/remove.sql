-- remove: what only a distributed database has.
drop trigger holds_copy_to_nodes on chatschema.holds;
drop trigger holds_remove_from_nodes on chatschema.holds;
drop table chatschema.outbox, chatschema.node_holds, chatschema.direct_pairs, chatschema.before_cluster;
drop function chatschema.require_pair_id(), chatschema.pair_id(uuid, uuid), chatschema.enter(uuid, uuid), chatschema.share_hold(),
    chatschema.wait_on_node(), chatschema.is_coordinator(), chatschema.put_out(uuid, text, jsonb),
    chatschema.put_event(text, text, uuid, uuid, uuid, uuid, uuid, bigint), chatschema.put_message_events(jsonb), chatschema.relay(integer);
