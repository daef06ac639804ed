"""Every policy, grant, guard, function attribute and view option, turned one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

from chatschema.migration import files as migration_files
from chatschema.roles import files
from chatschema.task import granting
from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.access.world import World

_HEADERS = granting.declared(migration_files.discover(ROOT / "sql" / "migrations"))


@dataclass(frozen=True)
class Mutation:
    """Statements that weaken or break the protection, and the tables whose rows of the page may show it ("" for all)."""

    name: str
    statements: tuple[str, ...]
    table: str = ""


def every(world: World) -> list[Mutation]:
    """Return all mutations; the catalog names the objects, so that none is forgotten."""
    return [
        *_policies(world),
        *_grants(),
        *_triggers(world),
        *_functions(world),
        *_views(),
        *_tables(world),
        *_roles(),
        *_of_the_research(),
    ]


def _policies(world: World) -> Iterator[Mutation]:
    rows = world.database.all(
        "select polname, relname, polcmd::text, polqual is not null, polwithcheck is not null"
        " from pg_policy join pg_class on pg_class.oid = polrelid order by 2, 1"
    )
    for name, table, command, has_using, has_check in rows:
        yield Mutation(f"drop policy {name}", (f"drop policy {name} on public.{table}",), table)
        for clause in ["using"] * has_using + ["with check"] * (has_check or command == "w"):
            statement = f"alter policy {name} on public.{table} {clause} (true)"
            is_same = "_worker_" in name or "_readonly_" in name or "_auditor_" in name or "_privacy_" in name
            if not (is_same and name != "audit_logs_worker_select"):
                yield Mutation(f"policy {name} {clause} (true)", (statement,), table)
        if has_using:
            yield Mutation(f"policy {name} using (false)", (f"alter policy {name} on public.{table} using (false)",), table)
    for table in TABLES:
        for command in ("select", "update", "delete"):
            statement = f"create policy mine on public.{table} for {command} using (true)"
            yield Mutation(f"add a policy for {command} on {table}", (statement,), table)


def _grants() -> Iterator[Mutation]:
    for group in files.groups():
        yield from _declared(group.name)
        if group.name not in ("owner", "migrator"):
            yield from _undeclared(group.name)
    for table in TABLES:
        yield Mutation(f"grant {table} to public", (f"grant select on public.{table} to public",), table)
    for table, columns in (
        ("users", ("account_state", "password_hash")),
        ("conversation_participants", ("joined_at", "conversation_id", "user_id", "encrypted_key")),
        ("messages", ("sender_id", "conversation_id")),
    ):
        for column in columns:
            yield Mutation(f"grant update of {column}", (f"grant update ({column}) on public.{table} to chat_app",), table)
    yield Mutation("grant a table with grant option", ("grant select on public.messages to chat_app with grant option",))
    yield Mutation("grant a table to a login", ("grant delete on public.messages to api",), "messages")
    yield Mutation("create for public", ("grant create on schema public to public",))


def _declared(group: str) -> Iterator[Mutation]:
    """Each declared grant revoked; one of columns also widened to the table, one of a function to everybody."""
    for (on, name, privilege), columns in _by_object(group).items():
        kind = "" if on == "table" else f"{on} "
        some = f" ({', '.join(columns)})" if columns[0] else ""
        table = name.rpartition(".")[2] if on == "table" else ""
        yield Mutation(
            f"revoke {privilege} on {name} from {group}", (f"revoke {privilege}{some} on {kind}{name} from chat_{group}",), table
        )
        if columns[0]:
            yield Mutation(
                f"grant {privilege} on the whole of {name} to {group}", (f"grant {privilege} on {name} to chat_{group}",), table
            )
        if on == "function":
            yield Mutation(f"grant {name} to public", (f"grant execute on function {name} to public",))


def _undeclared(group: str) -> Iterator[Mutation]:
    for table in TABLES:
        for privilege in ("insert", "update", "delete", "truncate", "references", "trigger"):
            yield Mutation(
                f"grant {privilege} on {table} to {group}", (f"grant {privilege} on public.{table} to chat_{group}",), table
            )
    for table, column in (
        ("users", "password_hash"),
        ("auth_sessions", "refresh_token_hash"),
        ("messages", "content_encrypted"),
        ("messages", "edit_history"),
    ):
        if (group, table) != ("app", "messages"):
            yield Mutation(f"grant {column} to {group}", (f"grant select ({column}) on public.{table} to chat_{group}",), table)
    yield Mutation(f"grant the months to {group}", (f"grant usage on schema chat_partitions to chat_{group}",))
    yield Mutation(f"grant the holds to {group}", (f"grant select, insert on chatschema.holds to chat_{group}",))


def _by_object(role: str) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for group in files.groups():
        for grant in (*group.grants, *(one for one in _HEADERS if one.role == role)) if group.name == role else ():
            if (grant.on, grant.privilege) != ("schema", "usage") or role == "app":
                found.setdefault((grant.on, grant.object, grant.privilege), []).append(grant.column)
    # Everybody may use these schemas, so the grant to one group is a second one.
    return {key: columns for key, columns in found.items() if key[0] != "schema"}


def _triggers(world: World) -> Iterator[Mutation]:
    rows = world.database.all(
        "select tgname, relname from pg_trigger join pg_class on pg_class.oid = tgrelid join pg_namespace n on n.oid = relnamespace"
        " where not tgisinternal and nspname = 'public' order by 2, 1"
    )
    for name, table in rows:
        yield Mutation(f"drop trigger {name}", (f"drop trigger {name} on public.{table}",), table)
        yield Mutation(f"disable trigger {name}", (f"alter table public.{table} disable trigger {name}",), table)
    month = world.month
    yield Mutation("disable the guard of one month", (f"alter table {month} disable trigger messages_guard_update",), "messages")


def _functions(world: World) -> Iterator[Mutation]:
    rows = world.database.all(
        "select p.oid::regprocedure::text, prosecdef, proconfig is not null, provolatile::text, proparallel::text, prolang = 14"
        " from pg_proc p where pronamespace = 'chatschema'::regnamespace order by 1"
    )
    for name, is_definer, has_settings, volatility, parallel, _ in rows:
        yield Mutation(
            f"{name} {'invoker' if is_definer else 'definer'}",
            (f"alter function {name} security {'invoker' if is_definer else 'definer'}",),
        )
        if has_settings:
            yield Mutation(f"{name} without search_path", (f"alter function {name} reset search_path",))
        else:
            yield Mutation(f"{name} with a search_path", (f"alter function {name} set search_path = public",))
        if volatility == "s":
            yield Mutation(f"{name} volatile", (f"alter function {name} volatile",))
        if parallel == "s":
            yield Mutation(f"{name} parallel unsafe", (f"alter function {name} parallel unsafe",))
        yield Mutation(f"{name} of another owner", (f"alter function {name} owner to setup",))


def _views() -> Iterator[Mutation]:
    for view in ("memberships", "people"):
        yield Mutation(f"{view} without barrier", (f"alter view chatschema.{view} reset (security_barrier)",))
        yield Mutation(f"{view} as invoker", (f"alter view chatschema.{view} set (security_invoker = true)",))
        yield Mutation(f"{view} of another owner", (f"alter view chatschema.{view} owner to setup",))
    yield Mutation("a view that runs as its owner", (
        "create view chatschema.everything as select * from public.messages", "alter view chatschema.everything owner to chat_owner",
        "grant select on chatschema.everything to chat_app",
    ))  # fmt: skip
    yield Mutation("people writable", ("grant update on chatschema.people to chat_app",), "views and functions")
    yield Mutation("people without context", (
        "create or replace view chatschema.people with (security_barrier) as"
        " select u.id, u.username, u.display_name, u.avatar_url, u.status from public.users as u",
    ), "views and functions")  # fmt: skip


def _tables(world: World) -> Iterator[Mutation]:
    for table in TABLES:
        yield Mutation(f"row security off on {table}", (f"alter table public.{table} disable row level security",), table)
        yield Mutation(f"row security forced on {table}", (f"alter table public.{table} force row level security",), table)
    yield Mutation("grant a month to the application", (f"grant select on {world.month} to chat_app",))


def _roles() -> Iterator[Mutation]:
    for attribute in ("login", "superuser", "bypassrls", "createrole", "createdb", "replication"):
        yield Mutation(f"chat_app {attribute}", (f"alter role chat_app {attribute}",))
    yield Mutation("the application is the owner", ("grant chat_owner to chat_app",))
    yield Mutation("a login is a member of the owner", ("grant chat_owner to api",))
    yield Mutation("a login is a superuser", ("alter role api superuser",))
    yield Mutation("a login bypasses policies", ("alter role api bypassrls",))
    yield Mutation("a login owns a table", ("alter table public.users owner to api",))
    yield Mutation("a login reads all data", ("grant pg_read_all_data to api",))
    # From 16 on only who granted a membership revokes it.
    yield Mutation("the migrator is no owner", ("set role setup; revoke chat_owner from chat_migrator; reset role",))


def _of_the_research() -> Iterator[Mutation]:
    """What a reviewer would overlook: policies and functions that look right."""
    member = "select true from chatschema.memberships as v where v.conversation_id = messages.conversation_id"
    yield Mutation(
        "no window", (f"alter policy messages_member_select on public.messages using (({member}) is not null)",), "messages"
    )
    yield Mutation(
        "send without sender",
        (f"alter policy messages_sender_insert on public.messages with check (({member}) is not null)",),
        "messages",
    )
    yield Mutation("send without conversation", (
        "alter policy messages_sender_insert on public.messages with check (sender_id = (select chatschema.actor()))",), "messages")  # fmt: skip
    yield Mutation("created_by alone", (
        "alter policy conversations_member_select on public.conversations using (created_by = (select chatschema.actor()))",), "conversations")  # fmt: skip
    yield Mutation("the pair unchecked", (
        "alter policy conversations_founder_insert on public.conversations with check (created_by = (select chatschema.actor()))",), "conversations")  # fmt: skip
    yield Mutation("members who left", (
        "create or replace view chatschema.memberships with (security_barrier) as select p.conversation_id, p.user_id, p.role,"
        " coalesce(p.reads_from, date_trunc('milliseconds', p.joined_at)) as since,"
        " chatschema.uuid7_floor(coalesce(p.reads_from, p.joined_at)) as since_id"
        " from public.conversation_participants as p where p.user_id = (select chatschema.actor())",), "messages")  # fmt: skip
    yield Mutation("founding ignores participants", (
        "create or replace function chatschema.is_founding(conversation uuid) returns boolean language sql stable security definer parallel safe"
        " set search_path = pg_catalog, pg_temp as 'select true from public.conversations as c where c.id = conversation'",),
        "conversation_participants")  # fmt: skip
    yield Mutation("suspended users act", (
        "create or replace function chatschema.actor() returns uuid language sql stable security definer parallel safe"
        " set search_path = pg_catalog, pg_temp as $$ select nullif(current_setting('app.user_id', true), '')::uuid $$",), "messages")  # fmt: skip
    yield Mutation("the admin is not kept by an update", (
        "create or replace function chatschema.keep_an_admin() returns trigger language plpgsql security definer"
        " set search_path = pg_catalog, pg_temp as 'begin return null; end'",), "conversation_participants")  # fmt: skip
