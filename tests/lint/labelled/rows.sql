-- case: rows an update of all rows
update public.messages set is_deleted = false;

-- case: rows an update whose condition is true
update public.users set status = 'active' where true;

-- case: rows an update whose condition compares a constant with itself
update public.users set status = 'active' where 1 = 1;

-- case: rows a delete of all rows
delete from public.auth_sessions;

-- case: ok an update of one row by its key
update public.users set status = 'active' where id = '00000000-0000-7000-8000-000000000001';

-- case: ok a delete of rows by their keys
delete from public.users where id in ('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002');

-- case: ok a row by its unique name
update public.users set status = 'active' where username = 'admin';

-- case: rows an update of the rows that have no value
update public.messages set key_version = 1 where key_version is null;

-- case: ok the same in batches
-- batch: public.messages by id
update public.messages set key_version = 1 where key_version is null and {batch};

-- case: ok a delete in batches
-- batch: public.messages by id
delete from public.messages where message_type = 'system' and {batch};

-- case: rows a delete by age
delete from public.audit_logs where created_at < now() - interval '2 years';

-- case: rows an update by a join
update public.messages as m set sender_key_id = k.id from public.user_public_keys as k where k.user_id = m.sender_id;

-- case: rows a delete by a join
delete from public.message_statuses as s using public.users as u where u.id = s.user_id and u.status = 'gone';

-- case: rows an update of the rows that a subquery picks
update public.messages set key_version = 1 where id in (select id from public.messages where key_version is null limit 1000);

-- case: rows a column and its backfill in one file
alter table public.users add column plan text;
update public.users set plan = 'free' where plan is null;

-- case: rows a default and its backfill in one file
alter table public.devices alter column label set default 'none';
update public.devices set label = 'none' where label is null;

-- case: ok a new table and its rows
create table public.plans (name text not null, constraint plans_pkey primary key (name));
insert into public.plans (name) values ('free'), ('paid');

-- case: ok a new table whose rows are changed
create table public.plans (name text not null, price integer, constraint plans_pkey primary key (name));
insert into public.plans (name) values ('free'), ('paid');
update public.plans set price = 0;

-- case: ok a row in an existing table
insert into public.users (username, email) values ('robot', 'robot@example.com');

-- case: ok many rows in an existing table
insert into public.devices (name) values ('a'), ('b'), ('c');

-- case: rows rows copied from one large table to another
insert into public.old_readings (id, device_id, taken_at) select id, device_id, taken_at from public.readings;

-- case: rows a delete inside with
with gone as (delete from public.auth_sessions returning user_id)
insert into public.devices (name, owner_id) select user_id::text, user_id from gone;

-- case: rows an update in a do block
do $$
begin
    update public.users set status = 'active';
end
$$;

-- case: rows an update in a loop in a do block
do $$
declare
    one record;
begin
    for one in select id from public.users loop
        update public.messages set key_version = 1 where sender_id = one.id;
    end loop;
end
$$;

-- case: ok a do block that only asks
do $$
begin
    if not exists (select from public.users where username = 'admin') then
        raise exception 'there is no admin';
    end if;
end
$$;

-- case: ok a function with an update, which does not run now
create function public.forget() returns void language sql as $$ update public.users set status = 'gone' $$;

-- case: ok a function in PL/pgSQL with a delete
create function public.forget() returns void language plpgsql as $$ begin delete from public.users; end $$;

-- case: ok rows of a temporary table
create temporary table picked as select id from public.users where status = 'gone';
delete from picked;

-- case: rows a merge of all rows
merge into public.devices as d using public.old_readings as r on r.device_id = d.id when matched then update set label = 'read';

-- case: ok a column and one row by its key
alter table public.users add column plan text;
update public.users set plan = 'paid' where username = 'admin';

-- case: rows an update by a condition that any row may meet
update public.conversation_participants set role = 'member' where role <> 'admin';

-- case: rows an update of one month
update chat_partitions.messages_y2026m01 set key_version = 1;

-- case: ok a query
select count(*) from public.users;

-- case: rows a batch whose rows a subquery limits
-- batch: public.messages by id
update public.messages set key_version = 1 where id in (select id from public.messages where key_version is null limit 1000) and {batch};

-- case: rows an upsert of all rows of another table
insert into public.devices (name, owner_id) select username, id from public.users on conflict (name) do update set owner_id = excluded.owner_id;

-- case: ok an upsert of one row
insert into public.devices (name) values ('a') on conflict (name) do nothing;
