drop function chatschema.revoke_device(uuid, uuid);
drop function chatschema.claim_one_time_key(uuid, uuid);
drop function chatschema.publish_key(uuid, uuid, text, text, bytea, bytea, text, timestamptz);
drop function chatschema.lock_own_user(uuid);
drop function chatschema.acting_user();
