-- case: ok a column that may be null
alter table public.users add column nickname text;

-- case: ok a column with a constant default
alter table public.messages add column is_pinned boolean default false;

-- case: ok a required column with a constant default
alter table public.messages add column is_pinned boolean not null default false;

-- case: ok a default of now(), which is the same for all rows
alter table public.users add column joined_at timestamptz not null default now();

-- case: ok a default of current_timestamp
alter table public.users add column joined_at timestamptz default current_timestamp;

-- case: ok a default of an empty array
alter table public.users add column tags text[] not null default '{}'::text[];

-- case: ok a default of an empty array by its constructor
alter table public.users add column tags text[] not null default array[]::text[];

-- case: ok a default of an immutable function
alter table public.users add column plan text default lower('FREE');

-- case: waits a default of a random id
alter table public.users add column token uuid not null default gen_random_uuid();

-- case: waits a default of a function of the project
alter table public.attachments add column token uuid default chatschema.uuid7();

-- case: waits a default of the clock
alter table public.users add column joined_at timestamptz default clock_timestamp();

-- case: waits a default of random() inside an expression
alter table public.users add column bucket integer default (random() * 100)::integer;

-- case: waits a default of a function that is volatile because it says nothing else
alter table public.users add column code text default public.next_code();

-- case: waits a default of a sequence
alter table public.devices add column number bigint default nextval('public.devices_id_seq');

-- case: fails a required column without a default
alter table public.users add column plan text not null;

-- case: ok a required column of a table of the same file
create table public.polls (id uuid not null, constraint polls_pkey primary key (id));
alter table public.polls add column plan text not null;

-- case: waits a generated column
alter table public.messages add column size integer generated always as (octet_length(content_encrypted)) stored;

-- case: waits an identity column
alter table public.users add column number bigint generated always as identity;

-- case: waits a serial column
alter table public.users add column number bigserial;

-- case: ok a default that is volatile and set for new rows only
alter table public.users add column token uuid;
alter table public.users alter column token set default gen_random_uuid();

-- case: ok a new default
alter table public.devices alter column label set default 'none';

-- case: ok a column with a reference and no value
alter table public.devices add column maker_id uuid constraint devices_maker_id_fkey references public.users (id);

-- case: waits a column with a reference and a default
alter table public.devices add column maker_id uuid default '00000000-0000-7000-8000-000000000000' constraint devices_maker_id_fkey references public.users (id);

-- case: waits a column with a unique constraint
alter table public.users add column badge text constraint users_badge_key unique;

-- case: waits a column with a check
alter table public.users add column age integer constraint users_age_check check (age > 0);

-- case: waits a column and a check on it
alter table public.users add column age integer, add constraint users_age_check check (age > 0);

-- case: ok a column and a check on it that is not valid
alter table public.users add column age integer, add constraint users_age_check check (age > 0) not valid;

-- case: breaks a dropped column
alter table public.users drop column status;

-- case: breaks a dropped column with if exists
alter table public.users drop column if exists status;

-- case: ok a dropped column in a contract file
-- phase: contract
alter table public.devices drop column label;

-- case: breaks a column dropped with all that depends on it
-- phase: contract
alter table public.devices drop column name cascade;

-- case: breaks a renamed column
alter table public.users rename column username to login;

-- case: ok a renamed column of a table of the same file
create table public.polls (id uuid not null, vote integer, constraint polls_pkey primary key (id));
alter table public.polls rename column vote to votes;

-- case: waits a wider integer
alter table public.devices alter column id type bigint;

-- case: ok a longer varchar
alter table public.devices alter column name type varchar(80);

-- case: ok from varchar to text
alter table public.devices alter column name type text;

-- case: waits a shorter varchar
alter table public.devices alter column name type varchar(20);

-- case: waits from text to varchar
alter table public.users alter column status type varchar(100);

-- case: ok a numeric with more digits before the point
alter table public.devices alter column price type numeric(14, 2);

-- case: waits a numeric with more digits behind the point
alter table public.devices alter column price type numeric(14, 4);

-- case: waits a timestamp with a time zone
alter table public.devices alter column seen_at type timestamptz;

-- case: waits a type by an expression
alter table public.devices alter column code type integer using code::integer;

-- case: waits a type from a cast of text
alter table public.devices alter column label type jsonb using label::jsonb;

-- case: ok a type of a table of the same file
create table public.polls (id uuid not null, vote integer, constraint polls_pkey primary key (id));
alter table public.polls alter column vote type bigint;

-- case: waits a type of one of two actions
alter table public.devices alter column label set default '', alter column id set data type bigint;

-- case: ok the storage of a column
alter table public.users alter column avatar_url set storage external;

-- case: ok the statistics of a column
alter table public.messages alter column sender_id set statistics 1000;

-- case: ok no default any more
alter table public.devices alter column label drop default;

-- case: type a json column
alter table public.users add column settings json;

-- case: ok a jsonb column
alter table public.users add column settings jsonb;

-- case: type a timestamp without a time zone
alter table public.users add column last_login timestamp;

-- case: type a padded text
alter table public.users add column country char(2);

-- case: type an integer as primary key
create table public.polls (id integer not null generated always as identity, constraint polls_pkey primary key (id));

-- case: type a serial as primary key
create table public.polls (id serial, constraint polls_pkey primary key (id));

-- case: ok an integer that counts little
create table public.polls (id uuid not null, choices integer not null, constraint polls_pkey primary key (id));

-- case: ok a bigint as primary key
create table public.polls (id bigint not null generated always as identity, constraint polls_pkey primary key (id));

-- case: ok a text with a length
create table public.polls (id uuid not null, title varchar(200), constraint polls_pkey primary key (id));

-- case: ok a new value of an enum
alter type public.mood add value 'glad' after 'calm';

-- case: fails a new value of an enum that the same file uses
alter type public.mood add value 'glad' after 'calm';
alter table public.devices alter column mood set default 'glad';

-- case: breaks a renamed value of an enum
alter type public.mood rename value 'cross' to 'angry';

-- case: waits a column in a do block with a volatile default
do $$
begin
    if not exists (select from pg_catalog.pg_attribute where attname = 'token') then
        alter table public.users add column token uuid default gen_random_uuid();
    end if;
end
$$;

-- case: fails a name that is cut off
alter table public.users add column a_name_that_is_longer_than_the_sixty_three_bytes_that_the_server_keeps_of_it text;
