-- user_public_keys: the trail has each public key that was published, superseded, revoked, claimed or deleted.
-- Why: who replaced a key can read what is encrypted for it. The fingerprint is a part of resource_id, which an erasure leaves as it is.
-- Risk: new triggers on user_public_keys, which wait for their writers for the moment of the commit.
create function chatschema.audit_public_keys() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    key record;
begin
    if chatschema.is_audit_batch() then
        return null;
    end if;
    key := case when tg_op = 'DELETE' then old else new end;
    perform chatschema.log_change(
        case when tg_op = 'INSERT' then coalesce(chatschema.audit_user(), key.user_id) else chatschema.audit_user() end,
        'key.' || case
            when tg_op = 'INSERT' then 'publish'
            when tg_op = 'DELETE' then 'remove'
            when new.status = old.status then 'update'
            when new.status = 'superseded' then 'supersede'
            when new.status = 'revoked' then 'revoke'
            when new.status = 'used' then 'claim'
            else 'revive'
        end,
        'user_public_key', key.user_id || '/' || key.id || '/' || encode(key.fingerprint, 'hex'),
        jsonb_build_object(
            'user_id', key.user_id, 'device_id', key.device_id, 'key_type', key.key_type, 'key_id', key.key_id,
            'key_version', key.key_version, 'algorithm', key.algorithm,
            'status', case when tg_op = 'INSERT' then nullif(key.status, 'active') end,
            'expires_at', case when tg_op = 'UPDATE' then chatschema.change_of(old.expires_at, new.expires_at) end,
            'signature', case when tg_op = 'UPDATE' then chatschema.change_of_secret(old.signature, new.signature) end
        ),
        case when tg_op = 'UPDATE' and new.status = 'active' and old.status <> 'active' then 'critical' else 'info' end
    );
    return null;
end
$$;
comment on function chatschema.audit_public_keys() is
    'Trigger: adds a row to the trail for a public key. resource_id is user id, key id and fingerprint, separated by a slash.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table and write as the owner.
revoke execute on function chatschema.audit_public_keys() from public;

create trigger user_public_keys_audit_insert after insert on public.user_public_keys
    for each row execute function chatschema.audit_public_keys();
create trigger user_public_keys_audit_update after update of status, expires_at, signature on public.user_public_keys
    for each row
    when (
        old.status <> new.status or old.expires_at is distinct from new.expires_at or old.signature is distinct from new.signature
    )
    execute function chatschema.audit_public_keys();
create trigger user_public_keys_audit_delete after delete on public.user_public_keys
    for each row execute function chatschema.audit_public_keys();
create trigger user_public_keys_audit_truncate after truncate on public.user_public_keys
    for each statement execute function chatschema.audit_truncate();
comment on trigger user_public_keys_audit_insert on public.user_public_keys is 'Logs a key that was published.';
comment on trigger user_public_keys_audit_update on public.user_public_keys is 'Logs a key that was superseded, revoked, claimed or given another end.';
comment on trigger user_public_keys_audit_delete on public.user_public_keys is 'Logs a deleted key.';
comment on trigger user_public_keys_audit_truncate on public.user_public_keys is 'Logs a TRUNCATE.';
