-- participants: guards that compare a change with the role of the acting user.
-- Why: the view chatschema.memberships calls a function, which Citus does not allow in a query on a shard; the guards call it first.

create or replace function chatschema.guard_founding() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
    as $$
declare
    acting constant uuid := chatschema.actor();
    conversation uuid;
    kind text;
    acting_role text;
begin
    for conversation in select distinct a.conversation_id from added as a loop
        select c.type into kind from public.conversations as c where c.id = conversation;
        select p.role into acting_role from public.conversation_participants as p
        where p.conversation_id = conversation and p.user_id = acting and p.left_at is null;
        if not found or kind is distinct from 'direct' and acting_role <> 'admin' then
            raise exception 'whoever adds the first participants of a group is its first admin'
                using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversation_participants',
                hint = 'Insert yourself first, with the role admin, or all participants in one statement.';
        end if;
    end loop;
    return null;
end
$$;

create or replace function chatschema.guard_participant() returns trigger
    language plpgsql security definer
    set search_path to 'pg_catalog', 'pg_temp'
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
    select p.role into acting_role from public.conversation_participants as p
    where p.conversation_id = old.conversation_id and p.user_id = actor and p.left_at is null;
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
            using errcode = 'insufficient_privilege', constraint = tg_name, schema = 'public', table = 'conversation_participants',
            hint = 'Members change their own row, moderators remove members, admins do the rest.';
    end if;
    if new.left_at is not null and old.left_at is null then
        new.left_at := now();
    end if;
    return new;
end
$$;
