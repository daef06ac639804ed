-- users: row level security for users, auth_sessions and user_public_keys: everybody has their own rows.
-- Why: the application promised it in its code; now the database keeps it, also where a WHERE is forgotten.
-- Risk: locks the three tables against readers and writers until the commit. From then on a role that does not own them sees no row without app.user_id.
create policy users_self_select on public.users for select using (id = (select chatschema.actor()));
create policy users_self_update on public.users for update using (id = (select chatschema.actor()));
alter table public.users enable row level security;
comment on policy users_self_select on public.users is 'A user reads the own row; others are in the view chatschema.people.';
comment on policy users_self_update on public.users is 'A user changes the own row; grants choose the columns.';

create policy auth_sessions_self_select on public.auth_sessions for select using (user_id = (select chatschema.actor()));
alter table public.auth_sessions enable row level security;
comment on policy auth_sessions_self_select on public.auth_sessions is 'A user lists the own sessions; functions write them.';

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
