-- adopt_default_events: makes the partition without a month that of the missing months, and puts an empty one in its place.
-- Why: nothing is copied; attaching reads it once, to see that every event is within the bounds.
alter table chatschema.events detach partition chat_partitions.events_default;
alter table chat_partitions.events_default rename to {name};
comment on table {partition} is null;
alter table chatschema.events attach partition {partition} for values from ({lower}) to ({upper});
create table chat_partitions.events_default partition of chatschema.events default;
create trigger month_refuse_truncate before truncate on chat_partitions.events_default
    for each statement execute function chatschema.refuse_event_change();
alter table chat_partitions.events_default enable always trigger month_refuse_truncate;
