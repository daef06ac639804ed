-- record: writes the changes of a migration, in its transaction. {kept} are objects that were changed by hand before and not since:
-- their record is not updated, so that they are still reported.
with kept as materialized (
    select * from jsonb_to_recordset({kept}) as k (kind text, object text, definition text)
),
live as materialized (
{normal_form}
),
locked as materialized (
    select object from live where kind = 'locked'
),
gone as (
    delete from chatschema.schema_records as r
    where not exists (select from live as l where l.kind = r.kind and l.object = r.object)
        -- This transaction has not changed an object that another session has locked.
        and not exists (select from locked as l where l.object in (r.object, r.part_of))
        and not exists (select from kept as k where k.kind = r.kind and k.object = r.object and k.definition is null)
)
insert into chatschema.schema_records as r (kind, object, part_of, definition, names, form, migration_id)
select l.kind, l.object, l.part_of, l.definition, l.names, {form}, {migration_id}
from live as l
where l.kind <> 'locked' and not exists (select from kept as k where k.kind = l.kind and k.object = l.object and k.definition = l.definition)
on conflict (kind, object) do update set
    part_of = excluded.part_of, definition = excluded.definition, names = excluded.names, form = excluded.form,
    migration_id = excluded.migration_id, recorded_at = excluded.recorded_at
where (r.definition, r.form) is distinct from (excluded.definition, excluded.form)
