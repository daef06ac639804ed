-- renew_default_events: takes the partition without a month out, under another name, and puts an empty one in its place.
-- Why: no month can be attached while the default partition has rows of it.
alter table chatschema.events detach partition chat_partitions.events_default;
alter table chat_partitions.events_default rename to {name};
create table chat_partitions.events_default partition of chatschema.events default;
create trigger month_refuse_truncate before truncate on chat_partitions.events_default
    for each statement execute function chatschema.refuse_event_change();
alter table chat_partitions.events_default enable always trigger month_refuse_truncate;
