-- state: how much is recorded, until when, what of it as it was found and not by a migration, and a form that cannot be compared.
select count(*), max(recorded_at), max(recorded_at) filter (where migration_id is null and kind <> 'schema'),
    min(form) filter (where form <> {form})
from chatschema.schema_records
