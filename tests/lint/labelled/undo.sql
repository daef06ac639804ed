-- case: undo a table that may have existed, and that the rollback drops
create table if not exists public.plans (name text not null, constraint plans_pkey primary key (name));
-- rollback:
drop table public.plans;

-- case: undo the same, dropped if it exists
create table if not exists public.plans (name text not null, constraint plans_pkey primary key (name));
-- rollback:
drop table if exists plans;

-- case: ok a table that is new for sure
create table public.plans (name text not null, constraint plans_pkey primary key (name));
-- rollback:
drop table public.plans;

-- case: ok a new table that is dropped if it exists
create table public.plans (name text not null, constraint plans_pkey primary key (name));
-- rollback:
drop table if exists public.plans;

-- case: ok a table that may have existed, and that the rollback leaves
create table if not exists public.plans (name text not null, constraint plans_pkey primary key (name));
-- rollback:
select;

-- case: undo a column that may have existed
alter table public.users add column if not exists plan text;
-- rollback:
alter table public.users drop column plan;

-- case: ok a column that is new for sure
alter table public.users add column plan text;
-- rollback:
alter table public.users drop column plan;

-- case: undo an index that may have existed
-- online: index
create index if not exists idx_users_status on public.users (status);
-- rollback:
-- online: index
drop index public.idx_users_status;

-- case: ok an index that is new for sure
-- online: index
create index idx_users_status on public.users (status);
-- rollback:
-- online: index
drop index public.idx_users_status;

-- case: undo an extension that others may use
create extension if not exists pg_trgm;
-- rollback:
drop extension pg_trgm;

-- case: undo a schema that may have existed
create schema if not exists tools;
-- rollback:
drop schema tools;

-- case: undo a function of an earlier file that is replaced, and dropped by the rollback
create or replace function public.next_code() returns text language sql as $$ select 'kode' $$;
-- rollback:
drop function public.next_code();

-- case: ok a function that is replaced, and restored by the rollback
create or replace function public.next_code() returns text language sql as $$ select 'kode' $$;
-- rollback:
create or replace function public.next_code() returns text language sql as $$ select 'code' $$;

-- case: ok a new function with or replace
create or replace function public.newest() returns text language sql as $$ select 'code' $$;
-- rollback:
drop function public.newest();

-- case: undo a rollback that drops a table of an earlier file
alter table public.devices add column maker text;
-- rollback:
drop table public.devices;

-- case: undo a rollback that drops a column of an earlier file
alter table public.devices add column maker text;
-- rollback:
alter table public.devices drop column label;

-- case: undo a rollback that deletes all rows of a table of an earlier file
insert into public.devices (name) values ('a');
-- rollback:
delete from public.devices;

-- case: ok a rollback that deletes the rows that were added
insert into public.devices (name) values ('a');
-- rollback:
delete from public.devices where name = 'a';

-- case: ok a rollback that brings back what was dropped
-- phase: contract
alter table public.devices drop column label;
-- rollback:
alter table public.devices add column label text;

-- case: undo a migration without a rollback
-- no rollback
alter table public.users add column plan text;

-- case: undo a rollback that has no statement
alter table public.users add column plan text;
-- rollback:
-- nothing to do

-- case: undo a view that may have existed
create or replace view public.device_names as select owner_id, mood from public.devices;
-- rollback:
drop view public.device_names;

-- case: undo a rollback with cascade
create table public.plans (name text not null, constraint plans_pkey primary key (name));
-- rollback:
drop table public.plans cascade;
