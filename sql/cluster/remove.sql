-- remove: what only a distributed database has.
drop trigger holds_copy_to_nodes on chatschema.holds;
drop trigger holds_remove_from_nodes on chatschema.holds;
drop table chatschema.outbox, chatschema.node_holds, chatschema.direct_pairs, chatschema.before_cluster, chatschema.user_conversations,
    chatschema.list_changes, chatschema.list_months;
drop function chatschema.require_pair_id(), chatschema.pair_id(uuid, uuid), chatschema.enter(uuid, uuid), chatschema.enter(uuid), chatschema.share_hold(),
    chatschema.wait_on_node(), chatschema.is_coordinator(), chatschema.put_out(uuid, text, jsonb),
    chatschema.put_event(text, text, uuid, uuid, uuid, uuid, uuid, bigint), chatschema.put_message_events(jsonb), chatschema.relay(integer),
    chatschema.note_participants(), chatschema.note_participant(), chatschema.note_messages(), chatschema.note_conversation(),
    chatschema.note_month(), chatschema.renew_lists(uuid[], uuid[], uuid[]), chatschema.relay_lists(integer),
    chatschema.relay_list_month(integer);
