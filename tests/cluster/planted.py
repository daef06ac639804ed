"""Obstacles to plant: objects of other people on chatschema's tables, and statements as an application may write them."""

ID = "'018f0000-0000-7000-8000-000000000001'"

# Code, object as it is named, of that in a month the end, and the statements that create it.
OBJECTS = [
    ("key", "public.conversations.conversations_title_key", "alter table public.conversations add unique (title)"),
    (
        "key", "public.conversation_participants.one_pin",
        "alter table public.conversation_participants add constraint one_pin exclude using btree (public_key_id with =)",
    ),
    (
        "key", "messages_of_one_month",
        "do $$ begin execute format('create unique index messages_of_one_month on %s (sender_id)',"
        " (select inhrelid::regclass from pg_inherits where inhparent = 'public.messages'::regclass order by 1 limit 1)); end $$",
    ),
    (
        "foreign-key", "public.polls.polls_conversation_id_fkey",
        "create table public.polls (id uuid primary key, conversation_id uuid references public.conversations (id))",
    ),
    ("foreign-key", "public.ballots.ballots_user_id_fkey", "create table public.ballots (user_id uuid references public.users (id))"),
    (
        "foreign-key", "public.conversations.conversations_team_id_fkey",
        "create table public.teams (id uuid primary key);"
        " alter table public.conversations add team_id uuid references public.teams (id)",
    ),
    (
        "trigger", "public.messages.messages_count",
        "create function public.counted() returns trigger language plpgsql as 'begin return new; end';"
        " create trigger messages_count before insert on public.messages for each row execute function public.counted()",
    ),
    (
        "trigger", "public.users.users_stamp",
        "create trigger users_stamp before update on public.users for each row execute function chatschema.set_updated_at()",
    ),
    (
        "policy", "public.attachments.attachments_of_teams",
        "create policy attachments_of_teams on public.attachments for select"
        " using (exists (select from public.auth_sessions as s where s.user_id = attachments.uploader_id))",
    ),
    (
        "policy", "public.messages.messages_of_weekdays",
        "create function public.is_weekday(timestamptz) returns boolean language sql stable as 'select extract(isodow from $1) < 6';"
        " create policy messages_of_weekdays on public.messages for select using (public.is_weekday(created_at))",
    ),
    ("publication", "warehouse", "create publication warehouse for table public.messages, public.audit_logs"),
    (
        "subscription", "imported",
        "create subscription imported connection 'host=127.0.0.1 port=1' publication x"
        " with (connect = false, enabled = false, slot_name = none)",
    ),
    (
        "sequence", "public.conversations.number",
        "alter table public.conversations add number bigint generated always as identity",
    ),
    ("sequence", "public.attachments.place", "alter table public.attachments add place serial"),
    ("inheritance", "public.old_keys", "create table public.old_keys () inherits (public.user_public_keys)"),
]  # fmt: skip

# Code, and a statement that has this obstacle and no other.
STATEMENTS = [
    (
        "insert",
        f"insert into public.message_statuses (message_id, user_id, status) select {ID}::uuid, {ID}::uuid, 'read' where false",
    ),
    (
        "conflict",
        f"insert into public.message_statuses (conversation_id, message_id, user_id) select {ID}::uuid, {ID}::uuid, {ID}::uuid where false"
        " on conflict (message_id, user_id) do update set status = excluded.status",
    ),
    (
        "upsert",
        f"insert into public.conversation_participants (conversation_id, user_id) select {ID}::uuid, {ID}::uuid where false"
        " on conflict (conversation_id, user_id) do update set left_at = null, updated_at = now()",
    ),
    ("no-conversation", f"select content_encrypted from public.messages where id = {ID}"),
    ("no-conversation", f"update public.attachments set state = 'ready' where id = {ID}"),
    ("no-conversation", f"select count(*) from messages where conversation_id = {ID} or sender_id = {ID}"),
    (
        "join",
        f"select m.id, s.status from public.messages as m left join public.message_statuses as s on s.message_id = m.id"
        f" where m.conversation_id = {ID}",
    ),
    (
        "no-conversation",
        f"with page as (select id from public.messages where conversation_id = {ID} limit 50)"
        " select s.* from page as p join public.message_statuses as s on s.message_id = p.id",
    ),
    (
        "no-conversation",
        "select c.id, (select max(m.id::text) from public.messages as m where m.conversation_id = c.id) from public.conversations as c"
        f" join public.conversation_participants as p on p.conversation_id = c.id where p.user_id = {ID}",
    ),
    (
        "local-join",
        f"select p.id from public.polls as p join public.messages as m on m.id = p.message_id and m.conversation_id = {ID}",
    ),
    ("locking", "select id from public.messages where expires_at < now() order by id limit 100 for update skip locked"),
    ("volatile", f"update public.messages set edited_at = clock_timestamp() where conversation_id = {ID} and id = {ID}"),
    (
        "stable",
        f"update public.conversations set title = to_char(created_at, 'YYYY') where id = {ID}",
    ),
    ("volatile", f"update public.users set last_seen_at = clock_timestamp() where id = {ID}"),
    (
        "join",
        f"select m.id from public.messages as m where m.conversation_id = {ID} and not exists"
        f" (select from public.message_statuses as s where s.message_id = m.id and s.user_id = {ID})",
    ),
    (
        "no-conversation",
        f"select m.id from public.messages as m where m.id in (select s.message_id from public.message_statuses as s where s.user_id = {ID})",
    ),
    ("moved-row", f"update public.attachments set conversation_id = {ID} where conversation_id = {ID} and id = {ID}"),
    (
        "values",
        "insert into public.conversation_participants (conversation_id, user_id, last_read_message_id)"
        f" values ({ID}, {ID}, (select m.id from public.messages as m where m.conversation_id = {ID} limit 1))",
    ),
    (
        "direct-id",
        "insert into public.conversations (type, direct_user_low, direct_user_high)"
        f" select 'direct', {ID}::uuid, {ID}::uuid where false",
    ),
]

# Statements that need no change.
FINE = [
    f"select m.* from public.messages as m where m.conversation_id = {ID} and m.id < {ID} order by m.id desc limit 50",
    f"select m.id, u.username from messages m join users u on u.id = m.sender_id where m.conversation_id = {ID}",
    f"select m.id, s.status from messages m join message_statuses s using (conversation_id) where conversation_id = {ID}",
    "select m.id from public.messages as m join public.message_statuses as s"
    f" on (s.conversation_id, s.message_id) = (m.conversation_id, m.id) where s.conversation_id = any (array[{ID}::uuid])",
    f"select 1 from public.conversations where id = {ID} and exists (select from public.conversation_participants as p"
    f" where p.conversation_id = conversations.id and p.user_id = {ID})",
    f"with page as (select conversation_id, id from public.messages where conversation_id = {ID} limit 50)"
    " select s.* from page as p join public.message_statuses as s on s.message_id = p.id and s.conversation_id = p.conversation_id",
    f"select id from public.messages where conversation_id = {ID} order by id limit 100 for update skip locked",
    f"update public.messages set edited_at = now() where conversation_id = {ID} and id = {ID}",
    f"update public.users set last_seen_at = now() where id = {ID}",
    f"insert into public.conversation_participants (conversation_id, user_id) select {ID}::uuid, {ID}::uuid where false"
    " on conflict (conversation_id, user_id) do update set left_at = null, updated_at = excluded.updated_at",
    f"select count(*) from public.auth_sessions as s join public.users as u on u.id = s.user_id where u.id = {ID}",
]
