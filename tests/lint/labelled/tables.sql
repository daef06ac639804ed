-- case: ok a new table
create table public.polls (id uuid not null, question text not null, constraint polls_pkey primary key (id));

-- case: breaks a dropped table
drop table public.devices;

-- case: ok a dropped table in a contract file
-- phase: contract
drop table public.old_readings;

-- case: breaks a table dropped with all that depends on it
-- phase: contract
drop table public.devices cascade;

-- case: ok a table of the same file is dropped
create table public.scratch (id uuid not null, constraint scratch_pkey primary key (id));
drop table public.scratch;

-- case: breaks a renamed table
alter table public.devices rename to gadgets;

-- case: breaks a table in another schema
alter table public.devices set schema chatschema;

-- case: rows an emptied table
truncate public.audit_logs;

-- case: rows tables emptied with all that refer to them
truncate table public.users, public.conversations cascade;

-- case: ok an emptied table of the same file
create table public.scratch (id uuid not null, constraint scratch_pkey primary key (id));
truncate public.scratch;

-- case: waits vacuum full
-- transactional: false
vacuum full public.attachments;

-- case: waits vacuum full with its options in parentheses
-- transactional: false
vacuum (full, analyze) public.attachments;

-- case: ok vacuum
-- transactional: false
vacuum (analyze) public.attachments;

-- case: ok vacuum with full turned off
-- transactional: false
vacuum (full false) public.attachments;

-- case: fails vacuum inside a transaction
vacuum public.attachments;

-- case: ok analyze
analyze public.attachments;

-- case: waits a table that is not logged any more
alter table public.attachments set unlogged;

-- case: waits a table in another tablespace
alter table public.attachments set tablespace fast;

-- case: waits a table of another access method
alter table public.attachments set access method heap2;

-- case: ok settings of a table
alter table public.attachments set (autovacuum_vacuum_scale_factor = 0.01);

-- case: waits a lock that nothing in the file needs
lock table public.messages in access exclusive mode;
comment on table public.messages is 'What was said.';

-- case: waits a lock without a mode, which is the strongest
lock table public.users;

-- case: waits a lock that stops writers
lock table public.users in share mode;

-- case: ok a lock that stops nobody
lock table public.users in share update exclusive mode;

-- case: ok the lock that the next statement takes anyway
lock table public.devices in access exclusive mode;
drop trigger devices_changed on public.devices;

-- case: waits a partition attached without a check
alter table public.readings attach partition public.old_readings for values from ('2020-01-01') to ('2021-01-01');

-- case: waits a partition attached with a check that is not valid
alter table public.old_readings add constraint old_readings_bounds_check
    check (taken_at is not null and taken_at >= '2020-01-01' and taken_at < '2021-01-01') not valid;
alter table public.readings attach partition public.old_readings for values from ('2020-01-01') to ('2021-01-01');

-- case: ok a new table that is attached
create table public.readings_2021 (like public.readings including all);
alter table public.readings attach partition public.readings_2021 for values from ('2021-01-01') to ('2022-01-01');

-- case: waits a partition detached
alter table public.readings detach partition public.readings_2019;

-- case: ok a partition detached concurrently
-- transactional: false
alter table public.readings detach partition public.readings_2019 concurrently;

-- case: fails a partition detached concurrently inside a transaction
alter table public.readings detach partition public.readings_2019 concurrently;

-- case: ok a new partition
create table public.readings_2021 partition of public.readings for values from ('2021-01-01') to ('2022-01-01');

-- case: waits a default partition, which every later attach reads
create table public.readings_rest partition of public.readings default;

-- case: ok a materialized view
create materialized view public.user_counts as select status, count(*) from public.users group by status;

-- case: waits a materialized view filled again
refresh materialized view public.device_counts;

-- case: ok a materialized view filled again concurrently
refresh materialized view concurrently public.device_counts;

-- case: ok a view
create view public.guests as select id from public.users where email is null;

-- case: ok a view replaced
create or replace view public.device_names as select owner_id, mood, label from public.devices;

-- case: breaks a dropped view
drop view public.device_names;

-- case: ok a dropped view in a contract file
-- phase: contract
drop view public.device_names;

-- case: ok a view dropped and created again
drop view public.device_names;
create view public.device_names as select owner_id, label as mood from public.devices;

-- case: ok a trigger
create trigger users_touched before update on public.users for each row execute function chatschema.set_updated_at();

-- case: waits two tables locked in one file
alter table public.users add column nickname text;
alter table public.conversations add column topic text;

-- case: ok one table changed twice
alter table public.users add column nickname text;
alter table public.users add column pronoun text;

-- case: ok one table changed and another described
alter table public.users add column nickname text;
comment on table public.conversations is 'Where messages are sent.';

-- case: ok one existing table and one new one
create table public.polls (id uuid not null, constraint polls_pkey primary key (id));
alter table public.polls add column question text;
alter table public.users add column polls integer;

-- case: waits a trigger dropped on one table and a column on another
drop trigger devices_changed on public.devices;
alter table public.users add column nickname text;

-- case: breaks a dropped function
drop function public.next_code();

-- case: ok a function dropped and created again with other arguments
drop function public.next_code();
create function public.next_code(size integer) returns text language sql as $$ select 'code' $$;

-- case: ok a function replaced
create or replace function public.next_code() returns text language sql as $$ select 'kode' $$;

-- case: breaks a function dropped with all that depends on it
-- phase: contract
drop function public.device_changed() cascade;

-- case: breaks a dropped schema
drop schema chat_partitions cascade;

-- case: breaks a dropped extension
drop extension pg_trgm;

-- case: breaks a dropped type
drop type public.mood;

-- case: ok an extension
create extension pg_trgm;

-- case: fails a transaction of its own
begin;
alter table public.users add column nickname text;
commit;

-- case: fails a text that is no SQL
alter table public.users add colum nickname text;

-- case: fails a database created inside a transaction
create database other;
