-- events: events that shards wrote, in the order of their ids; recorded now, so that no reader has passed them.
-- Why: cursors of events are snapshots of the coordinator.
insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id, first_id, last_id, row_count)
select e.kind, e.table_name, e.row_id, e.conversation_id, e.user_id, e.first_id, e.last_id, e.row_count
from jsonb_to_recordset({rows}::jsonb) as r (id uuid, target text, entry jsonb)
cross join lateral jsonb_to_record(r.entry) as e (
    kind text, table_name text, row_id uuid, conversation_id uuid, user_id uuid, first_id uuid, last_id uuid, row_count bigint
)
where r.target = 'events'
order by r.id
