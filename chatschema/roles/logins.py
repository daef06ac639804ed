"""Logins that no policy restricts: superusers, owners of the tables and their members, and who bypasses policies."""

from collections.abc import Iterator

from chatschema.roles.catalog import Catalog
from chatschema.roles.values import PUBLIC, RESTRICTED, Finding
from chatschema.structure.names import quoted
from chatschema.values import TABLES

# Roles of the server that show activity and settings, but no row.
HARMLESS = frozenset({"pg_monitor", "pg_read_all_stats", "pg_read_all_settings", "pg_stat_scan_tables"})
_ALL_DATA = ("pg_read_all_data", "pg_write_all_data")


def findings(found: Catalog, names: dict[str, str]) -> Iterator[Finding]:
    """Yield logins of applications that have more rights than policies restrict, and owners other than the owner's group."""
    owner = names["owner"]
    owners = {found.owners[name] for table in TABLES if (name := f"public.{table}") in found.owners}
    of_parts = {owner for name, owner in found.owners.items() if name.startswith(("chatschema.", "chat_partitions."))}
    mighty = {member: role for role in {*owners, owner} for member in {role, *found.all_members(role)}}
    mighty |= {member: role for role in _ALL_DATA for member in found.all_members(role)}
    logins = {
        member: group
        for group in RESTRICTED
        for member in found.all_members(names[group])
        if member in found.roles and found.roles[member].can_login
    }
    for login, group in sorted(logins.items()):
        role = found.roles[login]
        if role.is_super:
            yield _of_login("roles.login-superuser", login, group, "is a superuser", f"alter role {quoted(login)} nosuperuser")
        if role.bypasses_policies:
            yield _of_login("roles.login-bypass", login, group, "bypasses row policies", f"alter role {quoted(login)} nobypassrls")
        if login in owners | of_parts:
            yield _of_login("roles.login-owner", login, group, "owns the tables", *steps(login, names[group], owner))
        elif login in mighty:
            of = mighty[login]
            yield _of_login("roles.login-owner", login, group, f"is a member of {of}", f"revoke {quoted(of)} from {quoted(login)}")
    for login in sorted(owners - {owner}):
        if login in found.roles and found.roles[login].can_login and login not in logins:
            text = f"login {login} owns the tables; row policies do not restrict whoever connects as {login}"
            yield Finding("roles.owner-login", login, text, steps(login, names["app"], owner), "dba")
    yield from _owners(found)
    yield from _trigger_switches(found, {PUBLIC, *logins, *(names[group] for group in RESTRICTED)})


def steps(login: str, group: str, owner: str) -> tuple[str, ...]:
    """Return what the DBA does with a login that owns the tables: the application gets another one, then the owner changes."""
    new = quoted(f"{login}_app"[-63:])
    return (
        f"create role {new} login",
        f"grant {quoted(group)} to {new}",
        f"-- give {new} a password (in psql: \\password {new}), and let the application log in as {new}",
        f"-- when no session of {quoted(login)} is left, which pg_stat_activity shows:",
        "-- locks every table for the moment of the commit",
        "set lock_timeout = '2s'",
        f"reassign owned by {quoted(login)} to {quoted(owner)}",
    )


def _of_login(code: str, login: str, group: str, words: str, *statements: str) -> Finding:
    text = f"login {login}, of the group {group}, {words}: policies do not restrict it"
    return Finding(code, login, text, statements, "dba")


def _owners(found: Catalog) -> Iterator[Finding]:
    """Yield functions and views of another owner than the tables: they run as their owner."""
    owner = found.owners.get("public.messages")
    for name, other in sorted(found.owners.items()):
        if owner and other != owner and name.startswith("chatschema.") and ("(" in name or name in found.views):
            kind = "function" if "(" in name else "view"
            statement = f"alter {'view' if kind == 'view' else 'routine'} {name} owner to {quoted(owner)}"
            yield Finding("roles.owner", name, f"{kind} {name} belongs to {other}, and the tables to {owner}", (statement,), "dba")


def _trigger_switches(found: Catalog, restricted: set[str]) -> Iterator[Finding]:
    """Yield roles of applications that may set session_replication_role."""
    for role, privilege in sorted(found.trigger_switches):
        if role in restricted:
            name = role if role == PUBLIC else quoted(role)
            statement = f"revoke {privilege} on parameter session_replication_role from {name}"
            text = f"{name} may set session_replication_role, which switches off every trigger that guards the tables"
            yield Finding("roles.trigger-switch", role, text, (statement,), "dba")
