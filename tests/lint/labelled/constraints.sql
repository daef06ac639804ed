-- case: waits a check on an existing table
alter table public.users add constraint users_status_check check (status <> '');

-- case: ok a check that is not valid
alter table public.users add constraint users_status_length_check check (length(status) < 100) not valid;

-- case: ok validating a check of an earlier file
alter table public.devices validate constraint devices_hoped_check;

-- case: waits a check that the same file validates
alter table public.users add constraint users_status_length_check check (length(status) < 100) not valid;
alter table public.users validate constraint users_status_length_check;

-- case: waits a check on a partitioned table
alter table public.messages add constraint messages_size_check check (octet_length(content_encrypted) < 1000);

-- case: ok a check on a partitioned table that is not valid
alter table public.messages add constraint messages_size_check check (octet_length(content_encrypted) < 1000) not valid;

-- case: ok a check in a new table
create table public.polls (id uuid not null, votes integer, constraint polls_pkey primary key (id), constraint polls_votes_check check (votes >= 0));

-- case: ok a check on a table of the same file
create table public.polls (id uuid not null, votes integer, constraint polls_pkey primary key (id));
alter table public.polls add constraint polls_votes_check check (votes >= 0);

-- case: waits a foreign key
alter table public.devices add constraint devices_owner_id_fkey foreign key (owner_id) references public.users (id);

-- case: ok a foreign key that is not valid
alter table public.devices add constraint devices_owner_id_fkey foreign key (owner_id) references public.users (id) not valid;

-- case: waits a foreign key that the same file validates
alter table public.devices add constraint devices_owner_id_fkey foreign key (owner_id) references public.users (id) not valid;
alter table public.devices validate constraint devices_owner_id_fkey;

-- case: fails a foreign key that is not valid on a partitioned table, which 15 to 17 refuse
alter table public.readings add constraint readings_device_id_fkey foreign key (device_id) references public.devices (id) not valid;

-- case: waits a foreign key on a partitioned table
alter table public.readings add constraint readings_device_id_fkey foreign key (device_id) references public.devices (id);

-- case: waits a foreign key to messages, which each detach of a month checks
create table public.pins (message_id uuid not null, constraint pins_pkey primary key (message_id),
    constraint pins_message_id_fkey foreign key (message_id) references public.messages (id));

-- case: ok a foreign key of a new table
create table public.pins (user_id uuid not null, constraint pins_pkey primary key (user_id),
    constraint pins_user_id_fkey foreign key (user_id) references public.users (id));

-- case: ok a foreign key between two new tables
create table public.polls (id uuid not null, constraint polls_pkey primary key (id));
create table public.votes (poll_id uuid not null, constraint votes_pkey primary key (poll_id));
alter table public.votes add constraint votes_poll_id_fkey foreign key (poll_id) references public.polls (id);

-- case: waits a unique constraint
alter table public.users add constraint users_name_key unique (username, status);

-- case: ok a unique constraint of an index that exists
alter table public.devices add constraint devices_code_key unique using index devices_code_idx;

-- case: waits a primary key
alter table public.old_readings add constraint old_readings_pkey primary key (id);

-- case: fails a unique constraint without the partition key
alter table public.messages add constraint messages_sender_key unique (sender_id, created_at);

-- case: waits a unique constraint with the partition key
alter table public.messages add constraint messages_id_sender_key unique (id, sender_id);

-- case: fails a new partitioned table whose primary key lacks the partition key
create table public.events (id uuid not null, at timestamptz not null, constraint events_pkey primary key (id)) partition by range (at);

-- case: fails the same with the key at the column
create table public.events (id uuid constraint events_pkey primary key, at timestamptz not null) partition by range (at);

-- case: ok a new partitioned table with the partition key
create table public.events (id uuid not null, at timestamptz not null, constraint events_pkey primary key (id, at)) partition by range (at);

-- case: waits an exclusion constraint
alter table public.old_readings add constraint old_readings_excl exclude using btree (id with =);

-- case: ok an exclusion constraint of a new table
create table public.rooms (span int4range, constraint rooms_excl exclude using gist (span with &&));

-- case: waits not null
alter table public.devices alter column label set not null;

-- case: ok not null that a valid check proves
alter table public.devices alter column present set not null;

-- case: waits not null behind a check that is not valid
alter table public.devices alter column hoped set not null;

-- case: waits not null on a partitioned table
alter table public.messages alter column sender_id set not null;

-- case: ok not null on a table of the same file
create table public.polls (id uuid not null, votes integer, constraint polls_pkey primary key (id));
alter table public.polls alter column votes set not null;

-- case: ok a column that may be null from now on
alter table public.devices alter column name drop not null;

-- case: ok a constraint that is dropped
alter table public.devices drop constraint devices_hoped_check;

-- case: breaks a constraint that is dropped with all that depends on it
alter table public.users drop constraint users_pkey cascade;

-- case: ok renaming a constraint
alter table public.devices rename constraint devices_name_key to devices_name_unique_key;

-- case: fails a not null constraint in the syntax of 18
alter table public.devices add constraint devices_label_present not null label not valid;

-- case: waits two checks of which one is valid at once
alter table public.devices
    add constraint devices_a_check check (code <> '') not valid,
    add constraint devices_b_check check (label <> '');

-- case: waits a check on a domain in use
alter domain public.short_name add constraint short_name_check check (length(value) < 20);

-- case: ok a check on a domain that is not valid
alter domain public.short_name add constraint short_name_check check (length(value) < 20) not valid;

-- case: ok a new domain with a check
create domain public.colour as text constraint colour_check check (value ~ '^#[0-9a-f]{6}$');

-- case: ok a trigger that checks rows
create constraint trigger devices_checked after insert on public.devices deferrable initially deferred
    for each row execute function public.device_changed();

-- case: ok a key whose check is put off to the end of a transaction
create table public.pins (user_id uuid not null, constraint pins_pkey primary key (user_id),
    constraint pins_user_id_fkey foreign key (user_id) references public.users (id) deferrable initially deferred);
alter table public.pins alter constraint pins_user_id_fkey not deferrable;

-- case: waits a check in a do block
do $$
begin
    alter table public.users add constraint users_status_check check (status <> '');
end
$$;

-- case: ok a check in a do block that is not valid
do $$
begin
    alter table public.users add constraint users_status_length_check check (length(status) < 100) not valid;
end
$$;
