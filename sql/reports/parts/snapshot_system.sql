-- snapshot_system: the system identifier, which initdb gave to the cluster.
-- Why: a database of the same name may exist elsewhere; a standby has the identifier of its primary.
select c.system_identifier::text as system_identifier
from pg_catalog.pg_control_system() as c
/* chatschema report */
