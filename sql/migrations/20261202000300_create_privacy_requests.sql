-- privacy_requests: requests to erase personal data, from the first refusal to the receipt; and names that nobody may take again.
-- Why: a request that a hold prevents must not be forgotten, and one that was interrupted must be finished by the next run.
-- Risk: new tables; and a trigger on users, which waits for their writers for the moment of the commit.
create table chatschema.privacy_requests (
    id              bigint      not null generated always as identity,
    subject_type    text        not null,
    subject_id      uuid        not null,
    state           text        not null default 'waiting',
    requested_at    timestamptz not null default clock_timestamp(),
    requested_by    text        not null default session_user,
    holds           bigint[]    not null default '{}',
    started_at      timestamptz,
    finished_at     timestamptz,
    receipt         jsonb,
    constraint privacy_requests_pkey primary key (id),
    constraint privacy_requests_subject_type_check check (subject_type in ('user', 'conversation', 'message')),
    constraint privacy_requests_state_check check (state in ('waiting', 'running', 'done')),
    constraint privacy_requests_state_time_check check (
        (state = 'waiting' or started_at is not null) and (state = 'done') = (finished_at is not null and receipt is not null)
    )
);

create unique index idx_privacy_requests_open on chatschema.privacy_requests (subject_type, subject_id) where state <> 'done';

create table chatschema.erased_names (
    name_hash       bytea       not null,
    reserved_until  timestamptz not null,
    constraint erased_names_pkey primary key (name_hash),
    constraint erased_names_name_hash_check check (octet_length(name_hash) = 32)
);

create function chatschema.refuse_erased_name() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from chatschema.erased_names as e
        where e.name_hash = sha256(convert_to(new.username, 'UTF8')) and e.reserved_until > clock_timestamp()
    ) then
        -- The same as for a name in use: whoever asks must not learn that somebody was erased.
        raise exception 'duplicate key value violates unique constraint "users_username_key"'
            using errcode = 'unique_violation', schema = 'public', table = 'users', constraint = 'users_username_key',
                detail = format('Key (username)=(%s) already exists.', new.username);
    end if;
    return new;
end
$$;
comment on function chatschema.refuse_erased_name() is 'Trigger: refuses a name that belonged to somebody whose data was erased, as if it were in use.';
-- With EXECUTE, anyone could attach this SECURITY DEFINER function to their own table.
revoke execute on function chatschema.refuse_erased_name() from public;

create trigger users_refuse_erased_name before insert or update of username on public.users
    for each row execute function chatschema.refuse_erased_name();

comment on table chatschema.privacy_requests is 'Requests to erase personal data: waiting for the release of a hold, running, or done with a receipt.';
comment on column chatschema.privacy_requests.id is 'Number of the request.
pii=none';
comment on column chatschema.privacy_requests.subject_type is 'user, conversation or message.
pii=none';
comment on column chatschema.privacy_requests.subject_id is 'Id of the subject. No foreign key: the row may be deleted.
pii=identity; purpose=erasure; basis=legal obligation; keep=erasure';
comment on column chatschema.privacy_requests.state is 'waiting, running or done.
pii=none';
comment on column chatschema.privacy_requests.requested_at is 'When it was first requested.
pii=none';
comment on column chatschema.privacy_requests.requested_by is 'Role that requested it.
pii=none';
comment on column chatschema.privacy_requests.holds is 'Holds that prevented it when it was last tried.
pii=none';
comment on column chatschema.privacy_requests.started_at is 'When the first batch began; null before.
pii=none';
comment on column chatschema.privacy_requests.finished_at is 'When it was completed.
pii=none';
comment on column chatschema.privacy_requests.receipt is 'What was erased, with counts, and what was out of reach.
pii=none';
comment on constraint privacy_requests_pkey on chatschema.privacy_requests is 'Each request has a number.';
comment on constraint privacy_requests_subject_type_check on chatschema.privacy_requests is 'What can be erased.';
comment on constraint privacy_requests_state_check on chatschema.privacy_requests is 'The states of a request.';
comment on constraint privacy_requests_state_time_check on chatschema.privacy_requests is 'A request that runs was started, and one that is done has a receipt.';
comment on index chatschema.privacy_requests_pkey is 'Look-up by number.';
comment on index chatschema.idx_privacy_requests_open is 'Each subject has one open request.';
comment on table chatschema.erased_names is 'SHA-256 of names of erased users, so that nobody takes the name of a person who is gone.';
comment on column chatschema.erased_names.name_hash is 'SHA-256 of the name. A name can be guessed, so it is personal data still.
pii=identity; purpose=erasure; basis=legitimate interest; keep=erasure';
comment on column chatschema.erased_names.reserved_until is 'Until when nobody may take it.
pii=none';
comment on constraint erased_names_pkey on chatschema.erased_names is 'Each name is reserved once.';
comment on constraint erased_names_name_hash_check on chatschema.erased_names is 'SHA-256 has 32 bytes.';
comment on index chatschema.erased_names_pkey is 'Whether a name is reserved.';
comment on trigger users_refuse_erased_name on public.users is 'Nobody takes the name of an erased user.';
