-- triggers: those that only a distributed database has.
-- Why: one direct conversation a pair, and holds on each node.
create trigger conversations_require_pair_id before insert on public.conversations
    for each row when (new.type = 'direct') execute function chatschema.require_pair_id();
create trigger node_holds_wait_on_node before insert or delete on chatschema.node_holds
    for each statement execute function chatschema.wait_on_node();
create trigger holds_copy_to_nodes after insert on chatschema.holds
    for each row execute function chatschema.share_hold();
create trigger holds_remove_from_nodes after update on chatschema.holds
    for each row when (old.released_at is null and new.released_at is not null) execute function chatschema.share_hold();
