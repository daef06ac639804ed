-- settings: for this transaction only.
-- Why: Citus changes one shard after the other, so that one transaction can change all tables; triggers are allowed on shards; and
-- local tables that refer to users stay local.
set local citus.multi_shard_modify_mode = 'sequential';
set local citus.enable_unsafe_triggers = on;
set local citus.enable_local_reference_table_foreign_keys = off;
-- Citus tells of each table that it copies.
set local client_min_messages = error;
