-- events: what was removed, restored, erased, held, revoked or changed, for the caches of the application; ids only, by month.
-- Why: an application that caches rows must learn of what a command, a person or another process changed, also after it was down.
-- Risk: new tables only; takes no lock on existing data.
-- No checks: preparing four of them for each statement costs three times the insert itself. The types let in ids only, and only
-- functions of the owner write.
create table chatschema.events (
    -- First, so that a row has its transaction id before its number: chatschema.events_after() rests on it.
    xid             xid8        not null default pg_current_xact_id(),
    id              bigint      not null generated always as identity,
    recorded_at     timestamptz not null default clock_timestamp(),
    kind            text        not null,
    table_name      text        not null,
    row_id          uuid,
    row_number      bigint,
    conversation_id uuid,
    user_id         uuid,
    first_id        uuid,
    last_id         uuid,
    row_count       bigint,
    constraint events_pkey primary key (id, recorded_at)
) partition by range (recorded_at);
create index idx_events_xid on chatschema.events (xid, id);
create table chat_partitions.events_default partition of chatschema.events default;

comment on table chatschema.events is
    'Outbox: one row a change, or one a conversation and batch of many rows. Read with chatschema.events_after(); months are dropped after [events] keep.';
comment on column chatschema.events.xid is 'Transaction of the change; a reader takes what its last snapshot did not see.
pii=none';
comment on column chatschema.events.id is 'Order of the events of transactions that waited for each other.
pii=none';
comment on column chatschema.events.recorded_at is 'When it was written; determines the month.
pii=activity; purpose=delivery; basis=contract; keep=event';
comment on column chatschema.events.kind is 'What happened, for example message.edited; docs/how-to/events.md lists the kinds.
pii=none';
comment on column chatschema.events.table_name is 'Table of the rows, without its schema.
pii=none';
comment on column chatschema.events.row_id is 'Id of the row; null for several rows, and for one that has a number.
pii=activity; purpose=delivery; basis=contract; keep=event';
comment on column chatschema.events.row_number is 'Number of the row, for a hold.
pii=none';
comment on column chatschema.events.conversation_id is 'Conversation of the rows; null if they have none, or several.
pii=activity; purpose=delivery; basis=contract; keep=event';
comment on column chatschema.events.user_id is 'User whose row it is, who sent the message or who takes part; null if there is none, or several.
pii=identity; purpose=delivery; basis=contract; keep=event';
comment on column chatschema.events.first_id is 'Lowest id of several rows; other rows may lie between the two ids.
pii=activity; purpose=delivery; basis=contract; keep=event';
comment on column chatschema.events.last_id is 'Highest id of several rows.
pii=activity; purpose=delivery; basis=contract; keep=event';
comment on column chatschema.events.row_count is 'How many rows; null for one.
pii=none';
comment on constraint events_pkey on chatschema.events is 'Each event has one number.';
comment on index chatschema.events_pkey is 'The next events of a range, in their order.';
comment on index chatschema.idx_events_xid is 'The events of the transactions that a snapshot did not see.';
comment on table chat_partitions.events_default is
    'Events for whose month there is no partition, so that none is lost; maintain moves them into their month.';

create table chatschema.event_state (
    is_only         boolean     not null default true,
    records_changes boolean     not null default false,
    notifies        boolean     not null default false,
    dropped_xid     xid8,
    dropped_id      bigint,
    constraint event_state_pkey primary key (is_only),
    constraint event_state_is_only_check check (is_only),
    constraint event_state_dropped_check check ((dropped_xid is null) = (dropped_id is null))
);
comment on table chatschema.event_state is 'At most one row: what is recorded as an event, and how far events were dropped. Without a row: nothing.';
comment on column chatschema.event_state.is_only is 'True: there is no second row.
pii=none';
comment on column chatschema.event_state.records_changes is 'Whether changes of conversations, participants and messages are recorded; see chatschema events record.
pii=none';
comment on column chatschema.event_state.notifies is 'Whether a NOTIFY on the channel chatschema_events says that there are events; see chatschema events notify.
pii=none';
comment on column chatschema.event_state.dropped_xid is 'Highest transaction id of the dropped events; null before the first month was dropped.
pii=none';
comment on column chatschema.event_state.dropped_id is 'Highest number of the dropped events.
pii=none';
comment on constraint event_state_pkey on chatschema.event_state is 'At most one row.';
comment on constraint event_state_is_only_check on chatschema.event_state is 'At most one row.';
comment on constraint event_state_dropped_check on chatschema.event_state is 'Both, or none before the first month was dropped.';
comment on index chatschema.event_state_pkey is 'At most one row.';

create function chatschema.refuse_event_change() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'events is append-only: % refused', lower(tg_op)
        using errcode = 'insufficient_privilege', hint = 'Events are dropped by whole months: chatschema maintain, with [events] keep.',
            schema = 'chatschema', table = 'events', constraint = tg_name;
end
$$;
comment on function chatschema.refuse_event_change() is 'Trigger: refuses changes of events; only whole months of them are dropped.';
revoke execute on function chatschema.refuse_event_change() from public;

create trigger events_refuse_change before update or delete on chatschema.events
    for each row execute function chatschema.refuse_event_change();
create trigger events_refuse_truncate before truncate on chatschema.events
    for each statement execute function chatschema.refuse_event_change();
create trigger month_refuse_truncate before truncate on chat_partitions.events_default
    for each statement execute function chatschema.refuse_event_change();
alter table chatschema.events enable always trigger events_refuse_change;
alter table chatschema.events enable always trigger events_refuse_truncate;
alter table chat_partitions.events_default enable always trigger month_refuse_truncate;
comment on trigger events_refuse_change on chatschema.events is 'Append-only: no update, no delete.';
comment on trigger events_refuse_truncate on chatschema.events is 'Append-only: no truncate.';
comment on trigger month_refuse_truncate on chat_partitions.events_default is 'Append-only: no truncate.';
