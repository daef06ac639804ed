-- drop_events: drops a month of events, and records how far events are gone.
-- Why: a reader whose cursor is older must learn that it missed events, and not go on as if there had been none.
-- What the server's transactions have not reached is of the server that the database was restored from: it marks nothing, and is replaced.
insert into chatschema.event_state (dropped_xid, dropped_id)
select e.xid, (select max(m.id) from {partition} as m where m.xid < pg_snapshot_xmax(pg_current_snapshot()))
from {partition} as e
where e.xid < pg_snapshot_xmax(pg_current_snapshot())
order by e.xid desc
limit 1
on conflict (is_only) do update
set (dropped_xid, dropped_id) = (
    select case when is_own then greatest(event_state.dropped_xid, excluded.dropped_xid) else excluded.dropped_xid end,
        case when is_own then greatest(event_state.dropped_id, excluded.dropped_id) else excluded.dropped_id end
    from (select event_state.dropped_xid < pg_snapshot_xmax(pg_current_snapshot())) as s (is_own)
);
drop table {partition};
