-- bulk_seed: what `chatschema seed --messages` has stored: its arguments, its months, its users and conversations.
-- Why: a seed of millions of rows is continued after an interruption and removed again, without a record of each row.
-- Risk: none: new tables.
create table chatschema.bulk_seed (
    is_only_row     boolean     not null default true,
    version         integer     not null,
    messages        bigint      not null,
    users           integer     not null,
    conversations   integer     not null,
    months          integer     not null,
    until           date        not null,
    rng             bigint      not null,
    profile         text        not null,
    shape           jsonb       not null,
    audit_txid      xid8        not null default pg_current_xact_id(),
    started_at      timestamptz not null default clock_timestamp(),
    finished_at     timestamptz,
    constraint bulk_seed_pkey primary key (is_only_row),
    constraint bulk_seed_one_row_check check (is_only_row)
);

create table chatschema.bulk_months (
    month           timestamptz not null,
    path            text        not null,
    messages        bigint      not null,
    statuses        bigint      not null,
    attachments     bigint      not null default 0,
    stored_at       timestamptz not null default clock_timestamp(),
    audit_txid      xid8,
    constraint bulk_months_pkey primary key (month),
    constraint bulk_months_path_check check (path in ('created', 'replaced', 'inserted'))
);

create table chatschema.bulk_owners (
    kind            text        not null,
    id              uuid        not null,
    constraint bulk_owners_pkey primary key (id),
    constraint bulk_owners_kind_check check (kind in ('user', 'conversation'))
);

comment on table chatschema.bulk_seed is 'The seed of chatschema seed --messages; no row if there is none.';
comment on column chatschema.bulk_seed.is_only_row is 'Always true.
pii=none';
comment on column chatschema.bulk_seed.version is 'Version of the generator: another one makes other rows.
pii=none';
comment on column chatschema.bulk_seed.messages is 'Argument --messages.
pii=none';
comment on column chatschema.bulk_seed.users is 'Argument --users.
pii=none';
comment on column chatschema.bulk_seed.conversations is 'Argument --conversations.
pii=none';
comment on column chatschema.bulk_seed.months is 'Argument --months.
pii=none';
comment on column chatschema.bulk_seed.until is 'Argument --until: everything happens before this day, in UTC.
pii=none';
comment on column chatschema.bulk_seed.rng is 'Argument --rng.
pii=none';
comment on column chatschema.bulk_seed.profile is 'Argument --profile.
pii=none';
comment on column chatschema.bulk_seed.shape is 'The values of the profile when the seed was begun.
pii=none';
comment on column chatschema.bulk_seed.audit_txid is 'Transaction that stored the users and conversations, and the entries of the audit trail about them.
pii=none';
comment on column chatschema.bulk_seed.started_at is 'When users and conversations were stored.
pii=none';
comment on column chatschema.bulk_seed.finished_at is 'When the last row was stored; null before.
pii=none';
comment on constraint bulk_seed_pkey on chatschema.bulk_seed is 'One seed at a time.';
comment on constraint bulk_seed_one_row_check on chatschema.bulk_seed is 'One seed at a time.';
comment on index chatschema.bulk_seed_pkey is 'One row.';
comment on table chatschema.bulk_months is 'The months of a bulk seed whose messages and statuses are stored.';
comment on column chatschema.bulk_months.month is 'First instant of the month, UTC.
pii=none';
comment on column chatschema.bulk_months.path is 'created: attached as a new month; replaced: attached in place of an empty one; inserted: into a month with rows.
pii=none';
comment on column chatschema.bulk_months.messages is 'Messages that were stored.
pii=none';
comment on column chatschema.bulk_months.statuses is 'Statuses that were stored.
pii=none';
comment on column chatschema.bulk_months.attachments is 'Attachments that were stored.
pii=none';
comment on column chatschema.bulk_months.stored_at is 'When the messages and statuses were stored.
pii=none';
comment on column chatschema.bulk_months.audit_txid is 'Transaction that stored the attachments, and the entries of the audit trail; null before.
pii=none';
comment on constraint bulk_months_pkey on chatschema.bulk_months is 'One row per month.';
comment on constraint bulk_months_path_check on chatschema.bulk_months is 'The ways into a month.';
comment on index chatschema.bulk_months_pkey is 'Look-up by month.';
comment on table chatschema.bulk_owners is 'The users and conversations of a bulk seed. All its other rows belong to one of them.';
comment on column chatschema.bulk_owners.kind is 'user or conversation.
pii=none';
comment on column chatschema.bulk_owners.id is 'Id of the row. The users are invented, so it stands for no person.
pii=none';
comment on constraint bulk_owners_pkey on chatschema.bulk_owners is 'One row per user or conversation.';
comment on constraint bulk_owners_kind_check on chatschema.bulk_owners is 'The kinds.';
comment on index chatschema.bulk_owners_pkey is 'Whether a row is seeded; removing the seed.';
