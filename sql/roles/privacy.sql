-- privacy: answers requests about personal data: finds the person, and records what was erased.
-- Why: such a request is about one person; it needs no message and no key.
create role {privacy} nologin;
grant usage on schema public, chatschema to {privacy};
grant select (id, username, email, display_name, account_state, erased_at, created_at, updated_at) on public.users to {privacy};
grant select on chatschema.erasures, chatschema.privacy_requests to {privacy};
grant insert (subject_type, subject_id, erased_at) on chatschema.erasures to {privacy};
grant execute on function chatschema.actor() to {privacy};
create policy users_privacy_select on public.users for select to {privacy} using (true);
