-- accounts: triggers of users and user_public_keys, which are copied to every node and fire on each.
-- Why: what they write is on the coordinator only, and no node's copy may differ.

-- The time of the distributed transaction: now() is another one on each node. Outside of one, now() as before.
create or replace function chatschema.set_updated_at() returns trigger
    language plpgsql
    as $$
begin
    new.updated_at := coalesce(
        (select t.transaction_stamp from pg_catalog.get_current_transaction_id() as t where t.transaction_number <> 0), now()
    );
    return new;
end
$$;

create or replace function chatschema.record_erasure() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.is_coordinator() then
        insert into chatschema.erasures (subject_type, subject_id, erased_at) values ('user', new.id, new.erased_at);
    end if;
    return null;
end
$$;

create or replace function chatschema.end_sessions_of_inactive_user() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.is_coordinator() then
        perform chatschema.end_sessions(new.id, case new.account_state when 'erased' then 'erasure' else 'admin' end);
    end if;
    return null;
end
$$;

create or replace function chatschema.refuse_erased_name() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if not chatschema.is_coordinator() then
        return new;
    end if;
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

create or replace function chatschema.record_key_event() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if chatschema.is_coordinator() and not chatschema.is_event_batch() then
        insert into chatschema.events (kind, table_name, row_id, user_id)
        values ('key.' || case tg_op when 'DELETE' then 'removed' else new.status end, 'user_public_keys', old.id, old.user_id);
        perform chatschema.tell_of_events();
    end if;
    return null;
end
$$;

create or replace function chatschema.record_published_keys() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if not chatschema.is_coordinator() then
        return null;
    end if;
    insert into chatschema.events (kind, table_name, row_id, user_id, first_id, last_id, row_count)
    select 'key.published', 'user_public_keys', case count(*) when 1 then min(k.id::text)::uuid end, k.user_id,
        case when count(*) > 1 then min(k.id::text)::uuid end, case when count(*) > 1 then max(k.id::text)::uuid end,
        case when count(*) > 1 then count(*) end
    from added as k
    group by k.user_id
    order by 4;
    if found then
        perform chatschema.tell_of_events();
    end if;
    return null;
end
$$;
