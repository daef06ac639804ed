-- conversation_participants: who may add, remove and promote whom, and that a group keeps an admin.
-- Why: a row policy cannot compare the old row with the new one, so it cannot tell leaving from promoting oneself.
-- Risk: new triggers; waits for writers of conversation_participants and blocks them for the moment of the commit.
create function chatschema.set_reads_from() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from public.conversations as c where c.id = new.conversation_id and c.settings ->> 'history' = 'all') then
        new.reads_from := timestamptz '1970-01-01 00:00:00+00';
    end if;
    return new;
end
$$;
comment on function chatschema.set_reads_from() is
    'Trigger: where the conversation was created with the setting history = all, new participants read all of it.';
revoke all on function chatschema.set_reads_from() from public;

create trigger conversation_participants_set_reads_from before insert on public.conversation_participants
    for each row when (new.reads_from is null) execute function chatschema.set_reads_from();
comment on trigger conversation_participants_set_reads_from on public.conversation_participants is
    'Opens the past to new participants where the conversation says so.';

create function chatschema.guard_new_participant() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    pair uuid[];
begin
    new.joined_at := now();
    select array[c.direct_user_low, c.direct_user_high] into pair
    from public.conversations as c where c.id = new.conversation_id and c.type = 'direct';
    -- To somebody outside of the pair the policy answers, the same as for a conversation that does not exist.
    if pair is null or chatschema.actor() <> all (pair) then
        return new;
    end if;
    if new.user_id <> all (pair) or new.role <> 'member' then
        raise exception 'a direct conversation has its two users as members, and nobody else'
            using errcode = 'insufficient_privilege', schema = 'public', table = 'conversation_participants',
            hint = 'Create a group for more people, or for roles.';
    end if;
    return new;
end
$$;
comment on function chatschema.guard_new_participant() is
    'Trigger: a participant joins now; a direct conversation has its two users as members.';
revoke all on function chatschema.guard_new_participant() from public;

create trigger conversation_participants_guard_insert before insert on public.conversation_participants
    for each row when (row_security_active('public.conversation_participants'::regclass))
    execute function chatschema.guard_new_participant();
comment on trigger conversation_participants_guard_insert on public.conversation_participants is
    'Where row policies apply, nobody joins in the past, nor as the third in a direct conversation.';

create function chatschema.guard_founding() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select from added as a
        join public.conversations as c on c.id = a.conversation_id
        where not exists (
            select from chatschema.memberships as v
            where v.conversation_id = a.conversation_id and (c.type = 'direct' or v.role = 'admin')
        )
    ) then
        raise exception 'whoever adds the first participants of a group is its first admin'
            using errcode = 'insufficient_privilege', schema = 'public', table = 'conversation_participants',
            hint = 'Insert yourself first, with the role admin, or all participants in one statement.';
    end if;
    return null;
end
$$;
comment on function chatschema.guard_founding() is 'Trigger: after participants were added, the acting user is one of them, in a group as admin.';
revoke all on function chatschema.guard_founding() from public;

create trigger conversation_participants_guard_founding after insert on public.conversation_participants
    referencing new table as added
    for each statement when (row_security_active('public.conversation_participants'::regclass))
    execute function chatschema.guard_founding();
comment on trigger conversation_participants_guard_founding on public.conversation_participants is
    'Where row policies apply, a group begins with its creator as admin.';

create function chatschema.guard_participant() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    actor constant uuid := chatschema.actor();
    acting_role text;
    is_direct boolean;
    -- The columns of their own row that participants change.
    own constant text[] := '{last_read_message_id,last_delivered_message_id,notification_level,muted_until,is_pinned}';
    granted text[] := '{updated_at}';
    refused text;
begin
    select v.role into acting_role from chatschema.memberships as v where v.conversation_id = old.conversation_id;
    select c.type = 'direct' into is_direct from public.conversations as c where c.id = old.conversation_id;
    if old.user_id = actor and old.left_at is null then
        granted := granted || own || '{left_at}';
    elsif old.left_at is null and (acting_role = 'admin' or acting_role = 'moderator' and old.role = 'member') and not is_direct then
        granted := granted || '{left_at}';
    elsif old.left_at is not null and acting_role = 'admin' and new.left_at is null and not is_direct then
        granted := granted || '{left_at}';
        new.joined_at := now();
    end if;
    if acting_role = 'admin' and not is_direct then
        granted := granted || '{role}';
    end if;
    select string_agg(o.key, ', ' order by o.key) into refused
    from jsonb_each(to_jsonb(old)) as o
    where o.value is distinct from to_jsonb(new) -> o.key and o.key <> all (granted)
        and not (o.key = 'joined_at' and '{left_at}' <@ granted and old.left_at is not null and new.left_at is null);
    if refused is not null then
        raise exception 'the role % in this conversation may not change % of this participant', coalesce(acting_role, 'none'), refused
            using errcode = 'insufficient_privilege', schema = 'public', table = 'conversation_participants',
            hint = 'Members change their own row, moderators remove members, admins do the rest.';
    end if;
    if new.left_at is not null and old.left_at is null then
        new.left_at := now();
    end if;
    return new;
end
$$;
comment on function chatschema.guard_participant() is
    'Trigger: compares the old row with the new one, by the role of the acting user.';
revoke all on function chatschema.guard_participant() from public;

create trigger conversation_participants_guard_update before update on public.conversation_participants
    for each row when (row_security_active('public.conversation_participants'::regclass))
    execute function chatschema.guard_participant();
comment on trigger conversation_participants_guard_update on public.conversation_participants is
    'Where row policies apply, each role changes what is its own to change.';

create function chatschema.keep_an_admin() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- An update, not a lock: two who leave at once meet here, and with an older snapshot the second one fails with 40001.
    update public.conversations as c set type = c.type where c.id = new.conversation_id;
    if old.role = 'admin' and old.left_at is null
        and exists (
            select from public.conversation_participants as p where p.conversation_id = new.conversation_id and p.left_at is null
        )
        and not exists (
            select from public.conversation_participants as p
            where p.conversation_id = new.conversation_id and p.left_at is null and p.role = 'admin'
        )
        and exists (select from public.conversations as c where c.id = new.conversation_id and c.type <> 'direct')
    then
        raise exception 'a group keeps an admin' using errcode = 'insufficient_privilege',
            schema = 'public', table = 'conversation_participants', hint = 'Make another participant admin first.';
    end if;
    return null;
end
$$;
comment on function chatschema.keep_an_admin() is
    'Trigger: while anybody takes part in a group, one of them is admin, at every isolation level.';
revoke all on function chatschema.keep_an_admin() from public;

create trigger conversation_participants_keep_an_admin after update on public.conversation_participants
    for each row
    when (
        old.left_at is null and (new.left_at is not null or old.role = 'admin' and new.role <> 'admin')
        and row_security_active('public.conversation_participants'::regclass)
    )
    execute function chatschema.keep_an_admin();
comment on trigger conversation_participants_keep_an_admin on public.conversation_participants is
    'Where row policies apply, the last admin of a group cannot leave or step down before the others.';
