-- ledger: the tables in which chatschema records its work in a database.
-- Why: the first four tables are yoyo's (its internal schema 2), so that yoyo itself can read the history.
create schema if not exists chatschema;
grant usage on schema chatschema to public;

create table chatschema._yoyo_migration (
    migration_hash  varchar(64) primary key,
    migration_id    varchar(255),
    applied_at_utc  timestamp
);
create table chatschema._yoyo_log (
    id              varchar(36) primary key,
    migration_hash  varchar(64),
    migration_id    varchar(255),
    operation       varchar(10),
    username        varchar(255),
    hostname        varchar(255),
    comment         varchar(255),
    created_at_utc  timestamp
);
create table chatschema._yoyo_version (
    version             int not null primary key,
    installed_at_utc    timestamp
);
insert into chatschema._yoyo_version values (2, now() at time zone 'UTC');
create table chatschema.yoyo_lock (
    locked  int default 1 primary key,
    ctime   timestamp,
    pid     int not null
);
comment on table chatschema._yoyo_migration is 'yoyo: the applied migrations.';
comment on table chatschema._yoyo_log is 'yoyo: every apply and rollback, by whom and where.';
comment on table chatschema._yoyo_version is 'yoyo: the version of these four tables.';
comment on table chatschema.yoyo_lock is 'yoyo: its lock. chatschema uses an advisory lock, which the server releases if the client is killed.';

create table chatschema.migrations (
    migration_id    text        not null,
    checksum        text        not null,
    state           text        not null,
    applied_order   bigint      not null generated always as identity,
    applied_at      timestamptz not null default clock_timestamp(),
    duration_ms     double precision,
    tool_version    text        not null,
    constraint migrations_pkey primary key (migration_id),
    constraint migrations_state_check check (state in ('running', 'applied'))
);
comment on table chatschema.migrations is
    'Applied migrations: checksum, order and duration, which yoyo does not record. A row in state running was started and not recorded as finished.';

create table chatschema.protection (
    is_protected    boolean     not null default true,
    reason          text        not null,
    protected_at    timestamptz not null default now(),
    protected_by    text        not null default session_user,
    constraint protection_pkey primary key (is_protected),
    constraint protection_one_row_check check (is_protected)
);
comment on table chatschema.protection is 'With a row, reset, seed, undo --all and any undo that loses rows are refused. See chatschema protect.';

create table chatschema.seeds (
    name        text        not null,
    rng         bigint      not null,
    row_count   integer     not null default 0,
    seeded_at   timestamptz not null default now(),
    constraint seeds_pkey primary key (name)
);
comment on table chatschema.seeds is 'The seeders that have run, with the random seed of their data.';

create table chatschema.seeded_rows (
    seed        text    not null,
    table_name  text    not null,
    key         text[]  not null,
    constraint seeded_rows_pkey primary key (table_name, key),
    constraint seeded_rows_seed_fkey foreign key (seed) references chatschema.seeds (name) on delete cascade
);
create index idx_seeded_rows_seed on chatschema.seeded_rows (seed);
comment on table chatschema.seeded_rows is 'The primary key of every seeded row, so that seed --undo deletes exactly these rows.';

-- Any role may read the state of the schema; only the owner may read who did what.
grant select on chatschema._yoyo_migration, chatschema.migrations, chatschema.protection, chatschema.seeds to public;
