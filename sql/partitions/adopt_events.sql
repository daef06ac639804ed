-- adopt_events: attaches what was the partition without a month as that of the missing months.
-- Why: nothing is copied; attaching reads it once, to see that every event is within the bounds.
comment on table {partition} is null;
alter table chatschema.events attach partition {partition} for values from ({lower}) to ({upper})
