-- snapshot_system: the number that initdb gave to the cluster.
-- Why: a database of the same name may be anywhere; a standby has its primary's number.
select c.system_identifier::text as system_identifier
from pg_catalog.pg_control_system() as c
/* chatschema report */
