-- user_public_keys: row level security: a user changes the own keys, and reads those of others that are in use.
-- Why: whoever replaced the key of another could read what is encrypted for it.
-- Risk: locks user_public_keys against readers and writers until the commit. From then on a role that does not own it sees no row without app.user_id.
create policy user_public_keys_self_select on public.user_public_keys for select using (
    user_id = (select chatschema.actor())
    or status = 'active' and key_type <> 'one_time_prekey' and (select chatschema.actor()) is not null
);
create policy user_public_keys_self_insert on public.user_public_keys for insert
    with check (user_id = (select chatschema.actor()) and status = 'active');
create policy user_public_keys_self_update on public.user_public_keys for update using (user_id = (select chatschema.actor()));
alter table public.user_public_keys enable row level security;
comment on policy user_public_keys_self_select on public.user_public_keys is
    'A user reads the own keys and the active ones of others; one-time keys of others only by claiming one.';
comment on policy user_public_keys_self_insert on public.user_public_keys is 'A user adds own keys.';
comment on policy user_public_keys_self_update on public.user_public_keys is 'A user ends own keys; grants choose the columns.';

create function chatschema.refuse_key_revival() returns trigger
    language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'public key % has ended and cannot be made active again', old.id
        using errcode = 'insufficient_privilege', schema = 'public', table = 'user_public_keys', column = 'status', hint = 'Publish a new key.';
end
$$;
comment on function chatschema.refuse_key_revival() is 'Trigger: a key that was superseded, revoked or used stays so.';
revoke all on function chatschema.refuse_key_revival() from public;

create trigger user_public_keys_guard_status before update on public.user_public_keys
    for each row
    when (old.status <> 'active' and new.status <> old.status and row_security_active('public.user_public_keys'::regclass))
    execute function chatschema.refuse_key_revival();
comment on trigger user_public_keys_guard_status on public.user_public_keys is 'Where row policies apply, a key that has ended stays so.';
