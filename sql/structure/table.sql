-- table: chatschema.schema_records, the structure as the last migration or rollback left it, one row an object.
-- Why: beside the ledger and not in it, because migrate also adds it to databases of a release that did not have it.
create table chatschema.schema_records (
    kind            text        not null,
    object          text        not null,
    part_of         text,
    definition      text        not null,
    names           text[]      not null,
    form            text        not null,
    migration_id    text,
    recorded_at     timestamptz not null default now(),
    constraint schema_records_pkey primary key (kind, object)
);
comment on table chatschema.schema_records is
    'The structure as the last migration or rollback left it: status compares it with the catalog. migration_id is null where an object was recorded as it was found.';
comment on column chatschema.schema_records.form is
    'Which query on which major version of the server wrote the definition; only definitions of one form can be compared.';
grant select on chatschema.schema_records to public;
