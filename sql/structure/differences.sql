-- differences: recorded objects that are missing or changed, objects that were added to them, and locked objects.
-- Why: the server compares, so that one round trip returns only the differences.
with live as materialized (
{normal_form}
),
locked as materialized (
    select object from live where kind = 'locked'
),
recorded as materialized (
    select * from chatschema.schema_records as r
    where form = {form} and not exists (select from locked as l where l.object in (r.object, r.part_of))
)
select kind, object, coalesce(r.part_of, l.part_of), r.definition, l.definition, coalesce(r.names, l.names), r.recorded_at, r.migration_id
from recorded as r full join live as l using (kind, object)
where r.definition is distinct from l.definition
    -- The index of a partitioned table becomes valid with the index of its last month.
    and r.definition is distinct from l.definition || ' (invalid)'
order by kind, object
