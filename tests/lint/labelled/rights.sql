-- case: unsafe a function as its owner without a search path
create function public.lookup(name text) returns uuid language sql security definer as $$ select id from users where username = name $$;

-- case: unsafe the same, replaced
create or replace function public.next_code() returns text language sql security definer as $$ select 'code' $$;

-- case: unsafe a procedure as its owner
create procedure public.clean() language plpgsql security definer as $$ begin perform 1; end $$;

-- case: ok with a search path
create function public.lookup(name text) returns uuid language sql security definer set search_path = pg_catalog, pg_temp
    as $$ select id from public.users where username = name $$;

-- case: ok with an empty search path
create function public.lookup(name text) returns uuid language sql security definer set search_path = ''
    as $$ select id from public.users where username = name $$;

-- case: ok a function as its caller
create function public.lookup(name text) returns uuid language sql stable as $$ select id from public.users where username = name $$;

-- case: unsafe a function made one of its owner
alter function public.next_code() security definer;

-- case: ok a function made one of its owner, with its search path
alter function public.next_code() security definer set search_path = pg_catalog, pg_temp;

-- case: unsafe a search path taken off
alter function public.next_code() reset search_path;

-- case: unsafe rights for everybody
grant select on public.users to public;

-- case: unsafe all rights on all tables for everybody
grant all on all tables in schema public to public;

-- case: unsafe rights for everybody on whatever comes
alter default privileges in schema public grant select on tables to public;

-- case: ok rights for a role
grant select on public.users to pg_monitor;

-- case: ok rights taken from everybody
revoke execute on function public.next_code() from public;

-- case: unsafe a trigger turned off
alter table public.devices disable trigger devices_changed;

-- case: unsafe all triggers turned off
alter table public.devices disable trigger all;

-- case: ok a trigger turned off and on
alter table public.devices disable trigger devices_changed;
alter table public.devices enable trigger devices_changed;

-- case: unsafe row level security turned off
alter table public.users disable row level security;

-- case: ok row level security with its policy
alter table public.devices enable row level security;
create policy devices_owner_select on public.devices for select using (true);

-- case: breaks row level security without a policy
alter table public.devices enable row level security;

-- case: unsafe a password in a file
create role reader login password 'secret';

-- case: ok a role without a password
create role reader nologin;

-- case: unsafe a superuser
alter role reader superuser;
