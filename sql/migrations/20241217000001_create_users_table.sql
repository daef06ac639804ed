-- users: who can talk; one row a person, kept after erasure as a pseudonym.
-- Why: names and addresses are stored lower-case, so plain unique indexes serve look-ups under row level security too.
-- Risk: new table; takes no lock on existing data.
create table public.users (
    id              uuid        not null default chatschema.uuid7(),
    username        text        not null,
    email           text,
    password_hash   text,
    display_name    text,
    avatar_url      text,
    status          text        not null default 'offline',
    last_seen_at    timestamptz,
    account_state   text        not null default 'active',
    erased_at       timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint users_pkey primary key (id),
    constraint users_username_key unique (username),
    constraint users_email_key unique (email),
    constraint users_username_format_check
        check (username ~ '^[a-z0-9_.-]{3,32}$' or account_state = 'erased' and username = 'deleted-' || id::text),
    constraint users_email_format_check
        check (email = lower(email) and email ~ '^[^@[:space:]]+@[^@[:space:]]+$' and length(email) <= 254),
    constraint users_display_name_length_check check (length(display_name) between 1 and 100),
    constraint users_status_check check (status in ('online', 'away', 'busy', 'offline')),
    constraint users_account_state_check check (account_state in ('active', 'suspended', 'deactivated', 'erased')),
    constraint users_erased_at_check check ((account_state = 'erased') = (erased_at is not null))
)
-- Presence changes often: room on the page keeps those updates off the indexes (HOT).
with (fillfactor = 80);

create trigger users_set_updated_at before update on public.users
    for each row execute function chatschema.set_updated_at();

comment on table public.users is 'Who can talk; one row a person, kept after erasure as a pseudonym.';
comment on column public.users.id is 'UUIDv7.';
comment on column public.users.username is 'Lower-case login name, never reused; deleted-<id> after erasure.';
comment on column public.users.email is 'Lower-case address; null after erasure. Personal data.';
comment on column public.users.password_hash is 'Hash of the password; null when the user signs in elsewhere. Secret.';
comment on column public.users.display_name is 'Name shown to others, in the user''s own spelling. Personal data.';
comment on column public.users.avatar_url is 'Where the picture is. Personal data.';
comment on column public.users.status is 'Presence as last written: online, away, busy or offline. The live value is the cache''s.';
comment on column public.users.last_seen_at is 'Last activity; write it at most once a minute.';
comment on column public.users.account_state is 'active, suspended, deactivated or erased.';
comment on column public.users.erased_at is 'When the personal data was removed; set exactly when account_state is erased.';
comment on column public.users.created_at is 'When the account was made.';
comment on column public.users.updated_at is 'Last change, kept by a trigger.';
comment on constraint users_pkey on public.users is 'One row a user.';
comment on constraint users_username_key on public.users is 'A name belongs to one user.';
comment on constraint users_email_key on public.users is 'An address belongs to one user.';
comment on constraint users_username_format_check on public.users is '3 to 32 of a-z 0-9 _ . -, or deleted-<id> once erased.';
comment on constraint users_email_format_check on public.users is 'Lower-case, one @, at most 254 characters.';
comment on constraint users_display_name_length_check on public.users is '1 to 100 characters.';
comment on constraint users_status_check on public.users is 'The presences the application knows.';
comment on constraint users_account_state_check on public.users is 'The states an account goes through.';
comment on constraint users_erased_at_check on public.users is 'erased_at is set exactly when the account is erased.';
comment on index public.users_pkey is 'Look-up by id; the target of every reference to a user.';
comment on index public.users_username_key is 'Sign-in and mention: where username = $1.';
comment on index public.users_email_key is 'Sign-in and invitation: where email = $1.';
comment on trigger users_set_updated_at on public.users is 'Keeps updated_at.';
