-- drop_events: drops a month of events, and records how far events are gone.
-- Why: a reader whose cursor is older must learn that it missed events, and not go on as if there had been none.
insert into chatschema.event_state (dropped_xid, dropped_id)
select e.xid, (select max(id) from {partition}) from {partition} as e order by e.xid desc limit 1
on conflict (is_only) do update
set dropped_xid = greatest(event_state.dropped_xid, excluded.dropped_xid), dropped_id = greatest(event_state.dropped_id, excluded.dropped_id);
drop table {partition};
