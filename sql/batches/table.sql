-- table: chatschema.batches, the data migrations that run in batches, one row a migration.
-- Why: beside the ledger and not in it, because migrate also adds it to databases of a release that did not have it.
create table chatschema.batches (
    id              integer     not null generated always as identity,
    migration_id    text        not null,
    checksum        text        not null,
    table_name      text        not null,
    alias           text,
    key_column      text        not null,
    key_type        text        not null,
    statement       text        not null,
    left_over       text,
    detached        text,
    waits           boolean     not null,
    state           text        not null default 'running',
    round           integer     not null default 1,
    cursor_key      text,
    end_key         text        not null,
    held            jsonb       not null default '[]',
    rows_done       bigint      not null default 0,
    rows_read       bigint      not null default 0,
    rows_expected   bigint,
    batch_count     bigint      not null default 0,
    batch_size      integer     not null,
    rate            integer,
    started_at      timestamptz not null default clock_timestamp(),
    changed_at      timestamptz not null default clock_timestamp(),
    finished_at     timestamptz,
    constraint batches_pkey primary key (id),
    constraint batches_migration_id_key unique (migration_id),
    constraint batches_state_check check (state in ('running', 'paused', 'done')),
    constraint batches_rate_check check (rate > 0),
    constraint batches_batch_size_check check (batch_size > 0)
) with (fillfactor = 50);
comment on table chatschema.batches is
    'Data migrations that run in batches. Each batch commits its rows together with cursor_key and the counts; see chatschema batch list.';
comment on column chatschema.batches.statement is 'The statement of the file, in which {batch} stands for the bounds of a batch.';
comment on column chatschema.batches.left_over is 'The condition of the line `-- left:`, which rows meet until they are done.';
comment on column chatschema.batches.detached is
    'The statement for the rows that are left in a month that is restored, {table} standing for its name; null if there is none.';
comment on column chatschema.batches.cursor_key is 'Last key of the rows that are done; null before the first batch of a round.';
comment on column chatschema.batches.end_key is 'Last key of the table when the round began; later rows are not touched.';
comment on column chatschema.batches.held is 'Ranges of keys, from and to, whose rows another session had locked; they are done at the end of the round.';
comment on column chatschema.batches.rate is 'Most rows a second, set by chatschema batch rate; null for no limit.';

-- Any role may read the state, as of the ledger; the statement and the keys are data.
grant select (id, migration_id, table_name, key_column, waits, state, round, rows_done, rows_read, rows_expected, batch_count, batch_size, rate,
    started_at, changed_at, finished_at) on chatschema.batches to public;
