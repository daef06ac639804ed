-- state: how many objects are recorded, when the last one was, when one was last recorded without a migration, a form that cannot be compared,
-- and the owner of the ledger, as SQL writes it.
select count(*), max(recorded_at), max(recorded_at) filter (where migration_id is null and kind <> 'schema'),
    min(form) filter (where form <> {form}),
    (select quote_ident(pg_get_userbyid(c.relowner)) from pg_catalog.pg_class as c where c.oid = to_regclass('chatschema.migrations'))
from chatschema.schema_records
