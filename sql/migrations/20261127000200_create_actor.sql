-- functions: who acts in this transaction, and in which conversations.
-- Why: row policies need the answer without a function call for each row: a page costs then little more than without policies.
-- Risk: adds a nullable column to conversation_participants, which locks the table for a moment and reads no row; otherwise new objects.
-- The next files shut out logins that do not own the tables and are in no group. Nobody should find out by failing requests.
do $$
declare
    logins text;
begin
    select string_agg(quote_ident(l.rolname), ', ' order by l.rolname) into logins
    from pg_catalog.pg_roles as l
    where l.rolcanlogin and not l.rolsuper and not l.rolbypassrls
        and exists (
            select from pg_catalog.pg_class as c
            cross join lateral (
                select c.relacl as acl union all
                select a.attacl from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            ) as granted
            cross join lateral aclexplode(granted.acl) as x
            where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
                and c.relname in (
                    'users', 'auth_sessions', 'user_public_keys', 'conversations', 'conversation_participants', 'messages',
                    'message_statuses', 'attachments', 'audit_logs'
                )
                and (x.grantee = 0 or pg_has_role(l.oid, x.grantee, 'usage')) and not pg_has_role(l.oid, c.relowner, 'usage')
        );
    if logins is not null and coalesce(current_setting('chatschema.shut_out', true), '') <> 'on' then
        raise exception 'row level security would shut out logins that do not own the tables: %', logins
            using errcode = 'object_not_in_prerequisite_state', hint = format(
                'As a superuser, let them through for now: alter role NAME bypassrls. Then: chatschema migrate, chatschema roles apply, grant chat_app to NAME, '
                'let the application set app.user_id, and last: alter role NAME nobypassrls. '
                'If they need no rows: alter database %I set chatschema.shut_out = on.', current_database());
    end if;
end
$$;

alter table public.conversation_participants add column reads_from timestamptz;
comment on column public.conversation_participants.reads_from is
    'First moment whose messages the participant may read, where it is not joined_at: set by a trigger if the conversation was created with the setting history = all.';

create function chatschema.context_user() returns uuid
    language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
    given constant text := nullif(current_setting('app.user_id', true), '');
begin
    if given is not null and given !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
        raise exception 'app.user_id is not the id of a user'
            using errcode = 'invalid_parameter_value', hint = 'Set it in each transaction: select set_config(''app.user_id'', $1, true).';
    end if;
    return given::uuid;
end
$$;
comment on function chatschema.context_user() is
    'The user of app.user_id, active or not; null if it is not set. Who acts is chatschema.actor().';
revoke all on function chatschema.context_user() from public;

create function chatschema.actor() returns uuid
    language plpgsql stable security definer parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
    named constant uuid := chatschema.context_user();
begin
    if named is null then
        return null;
    end if;
    return (select u.id from public.users as u where u.id = named and u.account_state = 'active');
end
$$;
comment on function chatschema.actor() is
    'The user of app.user_id, if active; otherwise null. Write (select chatschema.actor()): it is then called once a statement.';
revoke all on function chatschema.actor() from public;

-- Runs as its owner on purpose: a policy of conversation_participants cannot read that table as the caller.
create view chatschema.memberships with (security_barrier) as
    select p.conversation_id, p.user_id, p.role,
        coalesce(p.reads_from, date_trunc('milliseconds', p.joined_at)) as since,
        chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at)) as since_id
    from public.conversation_participants as p
    where p.user_id = (select chatschema.actor()) and p.left_at is null;
comment on view chatschema.memberships is
    'The conversations of the acting user, and from when on the user reads: a message is readable if created_at >= since, a row about one if message_id >= since_id.';

create view chatschema.people with (security_barrier) as
    select u.id, u.username, u.display_name, u.avatar_url, u.status
    from public.users as u
    where (select chatschema.actor()) is not null;
comment on view chatschema.people is
    'All users, with the columns that other users may see. Empty without an acting user.';

create function chatschema.is_empty(conversation uuid) returns boolean
    language plpgsql stable security definer parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from public.conversation_participants as p where p.conversation_id = conversation)
        or exists (select from public.messages as m where m.conversation_id = conversation)
    then
        return null;
    end if;
    return true;
end
$$;
comment on function chatschema.is_empty(uuid) is
    'True if a conversation has never had a participant or a message, otherwise null. Answers from the snapshot before the statement.';
revoke all on function chatschema.is_empty(uuid) from public;

create function chatschema.is_founding(conversation uuid) returns boolean
    language plpgsql stable security definer parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from public.conversations as c where c.id = conversation and c.created_by = chatschema.actor()) then
        return chatschema.is_empty(conversation);
    end if;
    return null;
end
$$;
comment on function chatschema.is_founding(uuid) is
    'True while the acting user founds a conversation: created it, and nobody has joined it yet. Otherwise null.';
revoke all on function chatschema.is_founding(uuid) from public;
