"""Triggers, functions, views, tables and roles, weakened one by one; and what a reviewer would overlook."""

from collections.abc import Iterator

from chatschema.values import TABLES
from tests.support.access.turning import Mutation
from tests.support.access.world import World

VIEWS = ("memberships", "people")
NOTHING = ("nothing", "")


def triggers(world: World) -> Iterator[Mutation]:
    """Yield each trigger of a table dropped and disabled."""
    rows = world.database.all(
        "select tgname, nspname || '.' || relname, relname, event from pg_trigger join pg_class on pg_class.oid = tgrelid join pg_namespace n on n.oid = relnamespace"
        " cross join lateral (select case tgtype & 28 when 0 then 'truncate' when 4 then 'insert' when 8 then 'delete' when 16 then 'update' else 'written' end) as e (event)"
        " where not tgisinternal and nspname in ('public', 'chatschema') order by 2, 1"
    )
    for name, on, table, event in rows:
        yield Mutation(f"drop trigger {name}", (f"drop trigger {name} on {on}",), (event, table))
        yield Mutation(f"disable trigger {name}", (f"alter table {on} disable trigger {name}",), (event, table))
    month = world.month
    yield Mutation(
        "disable the guard of one month", (f"alter table {month} disable trigger messages_guard_update",), ("update", "messages")
    )


def functions(world: World) -> Iterator[Mutation]:
    rows = world.database.all(
        "select p.oid::regprocedure::text, proname::text, prosecdef, proconfig is not null, provolatile::text, proparallel::text"
        " from pg_proc p where pronamespace = 'chatschema'::regnamespace order by 1"
    )
    for name, bare, is_definer, has_settings, volatility, parallel in rows:
        security = "invoker" if is_definer else "definer"
        changes = {
            security: f"security {security}",
            "without search_path": "reset search_path",
            "with a search_path": "set search_path = public",
            "volatile": "volatile",
            "parallel unsafe": "parallel unsafe",
            "of another owner": "owner to setup",
        }
        del changes["with a search_path" if has_settings else "without search_path"]
        for words, meant in (("volatile", volatility == "s"), ("parallel unsafe", parallel == "s")):
            if not meant:
                del changes[words]
        for words, change in changes.items():
            # No cell asks for a parallel plan, and only a function that runs as its owner has the rights of the owner.
            is_still = words == "parallel unsafe" or (words == "of another owner" and not is_definer)
            yield Mutation(f"{name} {words}", (f"alter routine {name} {change}",), NOTHING if is_still else ("function", bare))


def views() -> Iterator[Mutation]:
    for view in VIEWS:
        yield Mutation(f"{view} without barrier", (f"alter view chatschema.{view} reset (security_barrier)",), ("view", view))
        yield Mutation(f"{view} as invoker", (f"alter view chatschema.{view} set (security_invoker = true)",), ("view", view))
        yield Mutation(f"{view} of another owner", (f"alter view chatschema.{view} owner to setup",), ("view", view))
    yield Mutation("a view that runs as its owner", (
        "create view chatschema.everything as select * from public.messages", "alter view chatschema.everything owner to chat_owner",
        "grant select on chatschema.everything to chat_app",
    ))  # fmt: skip
    yield Mutation("people writable", ("grant update on chatschema.people to chat_app",), ("view", "people"))
    yield Mutation("people without context", (
        "create or replace view chatschema.people with (security_barrier) as"
        " select u.id, u.username, u.display_name, u.avatar_url, u.status from public.users as u",
    ), ("view", "people"))  # fmt: skip


def tables(world: World) -> Iterator[Mutation]:
    for table in TABLES:
        yield Mutation(
            f"row security off on {table}", (f"alter table public.{table} disable row level security",), ("table", table)
        )
        yield Mutation(
            f"row security forced on {table}", (f"alter table public.{table} force row level security",), ("table", table)
        )
    yield Mutation("a login owns a month", (f"alter table {world.month} owner to api",))
    yield Mutation("grant a month to the application", (f"grant select on {world.month} to chat_app",), None, "app")


def roles() -> Iterator[Mutation]:
    for attribute in ("login", "superuser", "bypassrls", "createrole", "createdb", "replication"):
        yield Mutation(f"chat_app {attribute}", (f"alter role chat_app {attribute}",))
    yield Mutation("the application is the owner", ("grant chat_owner to chat_app",))
    yield Mutation("a login is a member of the owner", ("grant chat_owner to api",))
    yield Mutation("a login is a superuser", ("alter role api superuser",))
    yield Mutation("a login bypasses policies", ("alter role api bypassrls",))
    yield Mutation("a login owns a table", ("alter table public.users owner to api",))
    yield Mutation("a login owns the events", ("alter table chatschema.events owner to api",))
    yield Mutation("a login turns off triggers", ("grant set on parameter session_replication_role to api",))
    yield Mutation("everybody turns off triggers", ("grant set on parameter session_replication_role to public",))
    yield Mutation("a login reads all data", ("grant pg_read_all_data to api",))
    # From 16 on only who granted a membership revokes it.
    yield Mutation("the migrator is no owner", ("set role setup; revoke chat_owner from chat_migrator; reset role",))


def of_the_research() -> Iterator[Mutation]:
    """What a reviewer would overlook: policies and functions that look right."""
    member = "select true from chatschema.memberships as v where v.conversation_id = messages.conversation_id"
    yield Mutation(
        "no window",
        (f"alter policy messages_member_select on public.messages using (({member}) is not null)",),
        ("rows", "messages"),
    )
    yield Mutation(
        "send without sender",
        (f"alter policy messages_sender_insert on public.messages with check (({member}) is not null)",),
        ("rows", "messages"),
    )
    yield Mutation("send without conversation", (
        "alter policy messages_sender_insert on public.messages with check (sender_id = (select chatschema.actor()))",), ("rows", "messages"))  # fmt: skip
    yield Mutation("created_by alone", (
        "alter policy conversations_member_select on public.conversations using (created_by = (select chatschema.actor()))",), ("rows", "conversations"))  # fmt: skip
    yield Mutation("the pair unchecked", (
        "alter policy conversations_founder_insert on public.conversations with check (created_by = (select chatschema.actor()))",), ("rows", "conversations"))  # fmt: skip
    yield Mutation("members who left", (
        "create or replace view chatschema.memberships with (security_barrier) as select p.conversation_id, p.user_id, p.role,"
        " coalesce(p.reads_from, date_trunc('milliseconds', p.joined_at)) as since,"
        " chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at)) as since_id"
        " from public.conversation_participants as p where p.user_id = (select chatschema.actor())",), ("view", "memberships"))  # fmt: skip
    yield Mutation("founding ignores participants", (
        "create or replace function chatschema.is_founding(conversation uuid) returns boolean language sql stable security definer parallel safe"
        " set search_path = pg_catalog, pg_temp as 'select true from public.conversations as c where c.id = conversation'",),
        ("function", "is_founding"))  # fmt: skip
    yield Mutation("suspended users act", (
        "create or replace function chatschema.actor() returns uuid language sql stable security definer parallel safe"
        " set search_path = pg_catalog, pg_temp as $$ select nullif(current_setting('app.user_id', true), '')::uuid $$",), ("function", "actor"))  # fmt: skip
    yield Mutation("the admin is not kept by an update", (
        "create or replace function chatschema.keep_an_admin() returns trigger language plpgsql security definer"
        " set search_path = pg_catalog, pg_temp as 'begin return null; end'",), ("function", "keep_an_admin"))  # fmt: skip
