-- tables: what a distributed database has more than one server: outbox, holds on each node, older pairs, and what comes back.
-- Why: triggers on shards see only distributed and reference tables; undistribute puts back what distribute replaced.

create table chatschema.outbox (
    conversation_id uuid        not null,
    id              uuid        not null default chatschema.uuid7(),
    target          text        not null,
    entry           jsonb       not null,
    recorded_at     timestamptz not null default clock_timestamp(),
    recorded_by     text        not null default session_user,
    constraint outbox_pkey primary key (conversation_id, id),
    constraint outbox_target_check check (target in ('audit_logs', 'events', 'deferred_erasures'))
);

comment on table chatschema.outbox is 'Rows of audit_logs, events and deferred_erasures that shards wrote; chatschema cluster relay moves each once.';

create table chatschema.node_holds (
    id              bigint not null,
    conversation_id uuid,
    user_id         uuid,
    low             uuid,
    high            uuid,
    constraint node_holds_pkey primary key (id)
);

comment on table chatschema.node_holds is 'The scopes of the active holds, on each node: low <= message id < high. Kept by triggers of chatschema.holds.';

create table chatschema.direct_pairs (
    direct_user_low  uuid not null,
    direct_user_high uuid not null,
    conversation_id  uuid not null,
    constraint direct_pairs_pkey primary key (direct_user_low, direct_user_high)
);

comment on table chatschema.direct_pairs is 'Direct conversations whose id is not made of the pair: those from before. Written once.';

create table chatschema.before_cluster (
    position integer not null generated always as identity,
    kind     text    not null,
    object   text    not null,
    statement text   not null,
    constraint before_cluster_pkey primary key (position)
);

comment on table chatschema.before_cluster is 'The statements with which undistribute puts back what distribute dropped or replaced, in order.';

comment on column chatschema.outbox.conversation_id is 'The conversation that the row is about; the shard it is on.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column chatschema.outbox.id is 'UUIDv7: rows are moved in this order.
pii=none';
comment on column chatschema.outbox.target is 'The table that the row is moved to.
pii=none';
comment on column chatschema.outbox.entry is 'The row.
pii=content; purpose=audit; basis=legitimate interest; keep=audit';
comment on column chatschema.outbox.recorded_at is 'When the change happened.
pii=activity; purpose=audit; basis=legitimate interest; keep=audit';
comment on column chatschema.outbox.recorded_by is 'The login of the change.
pii=none';
comment on column chatschema.node_holds.id is 'The hold.
pii=none';
comment on column chatschema.node_holds.conversation_id is 'Its conversation; null for any.
pii=activity; purpose=legal hold; basis=legal obligation; keep=hold';
comment on column chatschema.node_holds.user_id is 'Its user; null for any.
pii=identity; purpose=legal hold; basis=legal obligation; keep=hold';
comment on column chatschema.node_holds.low is 'The first message id that is held; null for no limit.
pii=none';
comment on column chatschema.node_holds.high is 'The first message id after those that are held; null for no limit.
pii=none';
comment on column chatschema.direct_pairs.direct_user_low is 'The smaller id of the two users.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.direct_pairs.direct_user_high is 'The greater id.
pii=identity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.direct_pairs.conversation_id is 'Their conversation.
pii=activity; purpose=chat; basis=contract; keep=conversation';
comment on column chatschema.before_cluster.position is 'In which order the statements run.
pii=none';
comment on column chatschema.before_cluster.kind is 'The kind of the object.
pii=none';
comment on column chatschema.before_cluster.object is 'Its name.
pii=none';
comment on column chatschema.before_cluster.statement is 'The statement that puts it back.
pii=none';
