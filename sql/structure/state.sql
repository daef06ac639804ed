-- state: how many objects are recorded, when the last one was, when one was last recorded without a migration, and a form that cannot be compared.
select count(*), max(recorded_at), max(recorded_at) filter (where migration_id is null and kind <> 'schema'),
    min(form) filter (where form <> {form})
from chatschema.schema_records
