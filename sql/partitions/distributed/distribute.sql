-- distribute: spreads the empty table of a month over the shards, each beside the conversation of its rows.
-- Why: it is filled there, so the coordinator needs no room for it, and then attached.
select create_distributed_table({month}, 'conversation_id', colocate_with => {parent_name})
