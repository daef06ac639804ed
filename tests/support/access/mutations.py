"""Every policy, grant, guard, function attribute and view option, turned one by one: here the policies and grants."""

from collections.abc import Iterator

from chatschema.migration import files as migration_files
from chatschema.roles import files
from chatschema.task import granting
from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.access import weakened
from tests.support.access.turning import Mutation
from tests.support.access.world import World

_HEADERS = granting.declared(migration_files.discover(ROOT / "sql" / "migrations"))


def every(world: World) -> list[Mutation]:
    """Return all mutations; the catalog names the objects, so that none is forgotten."""
    return [
        *_policies(world),
        *_grants(),
        *weakened.triggers(world),
        *weakened.functions(world),
        *weakened.views(),
        *weakened.tables(world),
        *weakened.roles(),
        *weakened.of_the_research(),
    ]


def _policies(world: World) -> Iterator[Mutation]:
    rows = world.database.all(
        "select polname, relname, polcmd::text, polqual is not null, polwithcheck is not null, coalesce(rolname, '')"
        " from pg_policy join pg_class on pg_class.oid = polrelid left join pg_roles as r on r.oid = polroles[1] order by 2, 1"
    )
    for name, table, command, has_using, has_check, role in rows:
        about = ("rows", table), role.removeprefix("chat_")
        yield Mutation(f"drop policy {name}", (f"drop policy {name} on public.{table}",), *about)
        for clause in ["using"] * has_using + ["with check"] * (has_check or command == "w"):
            statement = f"alter policy {name} on public.{table} {clause} (true)"
            is_same = "_worker_" in name or "_readonly_" in name or "_auditor_" in name or "_privacy_" in name
            if not (is_same and name != "audit_logs_worker_select"):
                yield Mutation(f"policy {name} {clause} (true)", (statement,), *about)
        if has_using:
            yield Mutation(f"policy {name} using (false)", (f"alter policy {name} on public.{table} using (false)",), *about)
    for table in TABLES:
        for command in ("select", "update", "delete"):
            statement = f"create policy mine on public.{table} for {command} using (true)"
            yield Mutation(f"add a policy for {command} on {table}", (statement,), ("rows", table))


def _grants() -> Iterator[Mutation]:
    for group in files.groups():
        yield from _declared(group.name)
        if group.name not in ("owner", "migrator"):
            yield from _undeclared(group.name)
    for table in TABLES:
        yield Mutation(f"grant {table} to public", (f"grant select on public.{table} to public",), ("rows", table))
    for table, columns in (
        ("users", ("account_state", "password_hash")),
        ("conversation_participants", ("joined_at", "conversation_id", "user_id", "encrypted_key")),
        ("messages", ("sender_id", "conversation_id")),
    ):
        for column in columns:
            yield Mutation(
                f"grant update of {column}", (f"grant update ({column}) on public.{table} to chat_app",), ("rows", table), "app"
            )
    yield Mutation(
        "grant a table with grant option", ("grant select on public.messages to chat_app with grant option",), ("rows", "messages")
    )
    yield Mutation("grant a table to a login", ("grant delete on public.messages to api",), ("rows", "messages"))
    for role in ("public", "chat_app"):
        for schema in ("public", "chatschema"):
            yield Mutation(f"create in {schema} for {role}", (f"grant create on schema {schema} to {role}",))


def _declared(group: str) -> Iterator[Mutation]:
    """Each declared grant revoked; one of columns also widened to the table, one of a function to everybody."""
    for (kind, name, privilege), columns in _by_object(group).items():
        some = f" ({', '.join(columns)})" if columns[0] else ""
        is_table = kind == "table"
        # A routine is a function or a procedure.
        target = name if is_table else f"{'routine' if kind == 'function' else kind} {name}"
        bare = name.partition("(")[0].rpartition(".")[2]
        on = ("view" if bare in weakened.VIEWS else "rows" if is_table else "call", bare)
        yield Mutation(
            f"revoke {privilege} on {name} from {group}", (f"revoke {privilege}{some} on {target} from chat_{group}",), on, group
        )
        if columns[0]:
            yield Mutation(
                f"grant {privilege} on the whole of {name} to {group}", (f"grant {privilege} on {name} to chat_{group}",), on, group
            )
        if not is_table:
            yield Mutation(f"grant {name} to public", (f"grant execute on {target} to public",), on)


def _undeclared(group: str) -> Iterator[Mutation]:
    for table in TABLES:
        for privilege in ("insert", "update", "delete", "truncate", "references", "trigger"):
            yield Mutation(
                f"grant {privilege} on {table} to {group}",
                (f"grant {privilege} on public.{table} to chat_{group}",),
                ("rows", table),
                group,
            )
    for table, column in (
        ("users", "password_hash"),
        ("auth_sessions", "refresh_token_hash"),
        ("messages", "content_encrypted"),
        ("messages", "edit_history"),
    ):
        if (group, table) != ("app", "messages"):
            yield Mutation(
                f"grant {column} to {group}",
                (f"grant select ({column}) on public.{table} to chat_{group}",),
                ("rows", table),
                group,
            )
    yield Mutation(f"grant the months to {group}", (f"grant usage on schema chat_partitions to chat_{group}",), None, group)
    yield Mutation(
        f"grant the holds to {group}", (f"grant select, insert on chatschema.holds to chat_{group}",), ("rows", "holds"), group
    )


def _by_object(role: str) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for group in files.groups():
        for grant in (*group.grants, *(one for one in _HEADERS if one.role == role)) if group.name == role else ():
            if (grant.on, grant.privilege) != ("schema", "usage") or role == "app":
                found.setdefault((grant.on, grant.object, grant.privilege), []).append(grant.column)
    # Everybody may use these schemas, so the grant to one group is a second one.
    return {key: columns for key, columns in found.items() if key[0] != "schema"}
