-- The schema chatschema stays: the ledger of applied migrations lives in it.
drop function chatschema.set_updated_at();
drop function chatschema.uuid7_time(uuid);
drop function chatschema.uuid7_floor(timestamptz);
drop function chatschema.uuid7();
drop function chatschema.uuid7(timestamptz);
drop schema chat_partitions;
