-- create_events: a month of events, with the trigger that refuses to truncate it.
-- Why: created apart and attached, so that readers and writers of the other months wait for the moment of the commit only.
create table {partition} (like chatschema.events including all excluding comments excluding identity);
alter table {partition} add constraint {constraint} check (recorded_at >= {lower} and recorded_at < {upper});
alter table chatschema.events attach partition {partition} for values from ({lower}) to ({upper});
alter table {partition} drop constraint {constraint};
create trigger month_refuse_truncate before truncate on {partition}
    for each statement execute function chatschema.refuse_event_change();
alter table {partition} enable always trigger month_refuse_truncate
