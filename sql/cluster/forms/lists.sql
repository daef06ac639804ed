-- lists: what changes the list of a user is noted beside the conversation, and the relay renews the lists from the conversations.
-- Why: the row of a list is on another shard than its conversation, and no write of the application crosses shards.

-- New: whom a statement added or deleted as participants; of one added participant only that list is renewed. Deleted ones are
-- recorded by name, because their rows are gone when the lists are renewed.
create or replace function chatschema.note_participants() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    noted record;
    made uuid;
begin
    for noted in
        select c.conversation_id, case when tg_op = 'DELETE' or count(*) = 1 then min(c.user_id::text)::uuid end as user_id
        from changed as c group by c.conversation_id, case when tg_op = 'DELETE' then c.user_id end
    loop
        made := chatschema.uuid7();
        insert into chatschema.list_changes (id, conversation_id, user_id) values (made, noted.conversation_id, noted.user_id);
    end loop;
    return null;
end
$$;

-- New: a participant read, pinned, muted, left or came back.
create or replace function chatschema.note_participant() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    made constant uuid := chatschema.uuid7();
begin
    insert into chatschema.list_changes (id, conversation_id, user_id) values (made, new.conversation_id, new.user_id);
    return null;
end
$$;

-- New: messages were sent. Those that are deleted: chatschema.remove_references().
create or replace function chatschema.note_messages() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    conversation uuid;
    made uuid;
begin
    for conversation in select distinct a.conversation_id from added as a loop
        made := chatschema.uuid7();
        insert into chatschema.list_changes (id, conversation_id) values (made, conversation);
    end loop;
    return null;
end
$$;

-- New: a conversation was renamed, archived, deleted or came back.
create or replace function chatschema.note_conversation() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    made constant uuid := chatschema.uuid7();
begin
    insert into chatschema.list_changes (id, conversation_id) values (made, new.id);
    return null;
end
$$;

-- New: a month was retired or restored. No trigger fires for its rows, and the event is written when they are gone or there.
create or replace function chatschema.note_month() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    insert into chatschema.list_months (kind, low, high) values (new.kind, new.first_id, new.last_id);
    return null;
end
$$;

-- New: makes the lists what the conversations say: of all participants of the conversations `whole`, and of the pairs of `conversations`
-- and `users`. Returns how many rows changed. The caller holds the lock of chatschema.relay_lists().
create or replace function chatschema.renew_lists(whole uuid[], conversations uuid[], users uuid[]) returns bigint
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    changed bigint;
    removed bigint := 0;
    gone_conversations uuid[];
    gone_users uuid[];
begin
    insert into chatschema.user_conversations as l (
        user_id, conversation_id, type, title, avatar_url, other_user_id, last_message_id, last_message_at, last_read_message_id, unread,
        is_pinned, notification_level, muted_until, is_archived
    )
    select
        t.user_id, t.conversation_id, t.type, t.title, t.avatar_url, t.other_user_id, t.last_message_id, t.last_message_at,
        t.last_read_message_id, t.unread, t.is_pinned, t.notification_level, t.muted_until, t.is_archived
    from chatschema.current_lists as t
    where t.conversation_id = any (renew_lists.whole || renew_lists.conversations)
        and (t.conversation_id = any (renew_lists.whole) or t.user_id = any (renew_lists.users))
    on conflict (user_id, conversation_id) do update set
        type = excluded.type, title = excluded.title, avatar_url = excluded.avatar_url, other_user_id = excluded.other_user_id,
        last_message_id = excluded.last_message_id, last_message_at = excluded.last_message_at,
        last_read_message_id = excluded.last_read_message_id, unread = excluded.unread, is_pinned = excluded.is_pinned,
        notification_level = excluded.notification_level, muted_until = excluded.muted_until, is_archived = excluded.is_archived
    where (
        l.type, l.title, l.avatar_url, l.other_user_id, l.last_message_id, l.last_message_at, l.last_read_message_id, l.unread,
        l.is_pinned, l.notification_level, l.muted_until, l.is_archived
    ) is distinct from (
        excluded.type, excluded.title, excluded.avatar_url, excluded.other_user_id, excluded.last_message_id, excluded.last_message_at,
        excluded.last_read_message_id, excluded.unread, excluded.is_pinned, excluded.notification_level, excluded.muted_until,
        excluded.is_archived
    );
    get diagnostics changed = row_count;
    -- Pairs without a participant who is there, and everybody who ever took part in a conversation that is deleted now.
    with here as materialized (
        select p.conversation_id, p.user_id from public.conversation_participants as p
        join public.conversations as c on c.id = p.conversation_id
        where p.conversation_id = any (renew_lists.conversations) and p.user_id = any (renew_lists.users)
            and p.left_at is null and c.deleted_at is null
    ),
    deleted as materialized (
        select p.conversation_id, p.user_id from public.conversation_participants as p
        join public.conversations as c on c.id = p.conversation_id
        where p.conversation_id = any (renew_lists.whole) and c.deleted_at is not null
    )
    select array_agg(g.conversation_id), array_agg(g.user_id) into gone_conversations, gone_users
    from (
        select w.conversation_id, w.user_id from unnest(renew_lists.conversations, renew_lists.users) as w (conversation_id, user_id)
        where not exists (select from here as h where h.conversation_id = w.conversation_id and h.user_id = w.user_id)
        union
        select d.conversation_id, d.user_id from deleted as d
    ) as g;
    if gone_users is not null then
        delete from chatschema.user_conversations as l
        where l.user_id = any (gone_users)
            and (l.user_id, l.conversation_id) in (select g.u, g.c from unnest(gone_users, gone_conversations) as g (u, c));
        get diagnostics removed = row_count;
    end if;
    return changed + removed;
end
$$;

-- New: renews the lists that the oldest changes are about, at most `size` changes, and returns how many; then those of months. 0 if
-- none is left. A list is read from its conversation after its change was taken, so it is never older than that, and a run that is
-- killed has taken nothing. If two runs overlap, the second waits for the first.
create or replace function chatschema.relay_lists(size integer default 1000) returns bigint
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    ids uuid[];
    whole uuid[];
    conversations uuid[];
    users uuid[];
begin
    -- With an older snapshot on one of the connections to the shards a list could be read from before its change.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'lists are renewed in a read committed transaction only'
            using errcode = 'feature_not_supported', constraint = 'relay_lists_isolation', schema = 'chatschema', table = 'list_changes',
            hint = 'Run chatschema cluster relay.';
    end if;
    perform pg_advisory_xact_lock(1667785076, 5);
    ids := array(select c.id from chatschema.list_changes as c order by c.id limit relay_lists.size);
    if cardinality(ids) = 0 then
        return chatschema.relay_list_month(relay_lists.size);
    end if;
    with taken as (
        delete from chatschema.list_changes as c where c.id = any (ids) returning c.conversation_id, c.user_id
    )
    select
        coalesce(array_agg(distinct t.conversation_id) filter (where t.user_id is null), '{}'),
        coalesce(array_agg(t.conversation_id) filter (where t.user_id is not null), '{}'),
        coalesce(array_agg(t.user_id) filter (where t.user_id is not null), '{}')
        into whole, conversations, users
    from taken as t;
    perform chatschema.renew_lists(whole, conversations, users);
    return cardinality(ids);
end
$$;

-- New: one step of the oldest month that was retired or restored: the lists that it changes, in the order of their keys.
create or replace function chatschema.relay_list_month(size integer) returns bigint
    language plpgsql
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    month chatschema.list_months;
    found_users uuid[] := '{}';
    found_conversations uuid[];
    n integer;
begin
    select m.* into month from chatschema.list_months as m order by m.position limit 1;
    if not found then
        return 0;
    end if;
    if month.kind = 'month.retired' then
        select coalesce(array_agg(l.user_id order by l.user_id, l.conversation_id), '{}'),
            coalesce(array_agg(l.conversation_id order by l.user_id, l.conversation_id), '{}')
            into found_users, found_conversations
        from (
            select l.user_id, l.conversation_id from chatschema.user_conversations as l
            where (l.user_id, l.conversation_id) > (month.user_id, month.conversation_id) and (
                l.last_message_id between month.low and month.high
                or l.unread > 0 and (l.last_read_message_id is null or l.last_read_message_id < month.high)
            )
            order by l.user_id, l.conversation_id limit relay_list_month.size
        ) as l;
    else
        select coalesce(array_agg(m.conversation_id order by m.conversation_id), '{}') into found_conversations
        from (
            select distinct m.conversation_id from public.messages as m
            where m.id between month.low and month.high and m.conversation_id > month.conversation_id
            order by m.conversation_id limit relay_list_month.size
        ) as m;
    end if;
    n := cardinality(found_conversations);
    perform chatschema.renew_lists(array(select distinct c from unnest(found_conversations) as c), '{}', '{}');
    if n < relay_list_month.size then
        delete from chatschema.list_months as m where m.position = month.position;
    else
        update chatschema.list_months as m
        set user_id = coalesce(found_users[n], m.user_id), conversation_id = found_conversations[n]
        where m.position = month.position;
    end if;
    return greatest(n, 1);
end
$$;

-- New: names the user of this transaction to the shards, for a statement about this user alone, as the list of conversations is.
create or replace function chatschema.enter(user_id uuid) returns void
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
begin
    if not exists (select from public.users as u where u.id = enter.user_id and u.account_state = 'active') then
        raise exception 'the user is not active'
            using errcode = 'insufficient_privilege', constraint = 'user_inactive', schema = 'public', table = 'users';
    end if;
    perform set_config('citus.propagate_set_commands', 'local', true);
    execute format('set local app.user_id = %L', enter.user_id);
end
$$;
