-- erasures: whose or which data was removed, so that a month that comes back does not bring it back.
-- Why: an archive is a copy; a deletion that misses a copy is none.
-- Risk: new table, and a trigger on users, which waits for their writers for the moment of the commit.
create table chatschema.erasures (
    id              bigint      not null generated always as identity,
    subject_type    text        not null,
    subject_id      uuid        not null,
    erased_at       timestamptz not null default now(),
    recorded_at     timestamptz not null default clock_timestamp(),
    constraint erasures_pkey primary key (id),
    constraint erasures_subject_type_check check (subject_type in ('user', 'conversation', 'message'))
);

create index idx_erasures_subject on chatschema.erasures (subject_type, subject_id);

create function chatschema.record_erasure() returns trigger
    language plpgsql security definer set search_path = ''
as $$
begin
    insert into chatschema.erasures (subject_type, subject_id, erased_at) values ('user', new.id, new.erased_at);
    return null;
end
$$;
comment on function chatschema.record_erasure() is 'Trigger: a user marked erased is erased from months that come back, too.';
-- With it anybody could make a trigger of it, on a table of their own, and record what never happened.
revoke execute on function chatschema.record_erasure() from public;

create trigger users_record_erasure after update of erased_at on public.users
    for each row when (old.erased_at is null and new.erased_at is not null)
    execute function chatschema.record_erasure();

comment on table chatschema.erasures is 'Whose or which data was removed; applied to every month that comes back. Holds no personal data itself.';
comment on column chatschema.erasures.id is 'Order of recording.';
comment on column chatschema.erasures.subject_type is 'user, conversation or message. Users come by trigger; record the others with an insert.';
comment on column chatschema.erasures.subject_id is 'Which one. No foreign key: the row may be gone.';
comment on column chatschema.erasures.erased_at is 'When it was erased.';
comment on column chatschema.erasures.recorded_at is 'When that was recorded here.';
comment on constraint erasures_pkey on chatschema.erasures is 'One row an erasure.';
comment on constraint erasures_subject_type_check on chatschema.erasures is 'What can be erased.';
comment on index chatschema.erasures_pkey is 'Look-up by id.';
comment on index chatschema.idx_erasures_subject is 'Whether a message is among them, when a month comes back.';
comment on trigger users_record_erasure on public.users is 'Records that a user was erased.';
