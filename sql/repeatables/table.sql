-- table: chatschema.repeatables, the repeatable files as they were last run, one row a file.
-- Why: beside the ledger and not in it: they have no order among the migrations, and a release that does not know them must not stumble over them.
create table chatschema.repeatables (
    name            text        not null,
    checksum        text,
    content         text        not null,
    applied_at      timestamptz not null default clock_timestamp(),
    duration_ms     double precision,
    tool_version    text        not null,
    constraint repeatables_pkey primary key (name)
);
comment on table chatschema.repeatables is 'Repeatable files as they were last run: migrate runs one again when its checksum has changed.';
comment on column chatschema.repeatables.checksum is
    'SHA-256 of the text; null if a later file or an undo may have dropped its objects, so that the next migrate runs it again.';
comment on column chatschema.repeatables.content is 'The text of the file; verify replays it.';
grant select on chatschema.repeatables to public;
