"""Findings: where the roles, grants and policies of a database are not those of sql/roles/."""

from collections.abc import Iterable, Iterator

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.roles import catalog, files, grants, logins, structure
from chatschema.roles.catalog import Catalog
from chatschema.roles.values import Finding, Grant, Policy
from chatschema.structure.names import quoted
from chatschema.values import TABLES

# Attributes of a group, and the clause that takes each away.
_ATTRIBUTES = (
    ("can_login", "nologin", "can log in"),
    ("is_super", "nosuperuser", "is a superuser"),
    ("bypasses_policies", "nobypassrls", "bypasses row policies"),
    ("creates_roles", "nocreaterole", "may create roles"),
    ("creates_databases", "nocreatedb", "may create databases"),
    ("replicates", "noreplication", "may replicate"),
)
_UNPROTECTED = """
    select w.name from unnest(%s::text[]) as w (name)
    join pg_catalog.pg_class as c on c.oid = to_regclass('public.' || w.name) where not c.relrowsecurity
"""


def findings(connection: Connection, prefix: str, declared: Iterable[Grant] = ()) -> list[Finding]:
    """Return all differences, those of the cluster first; raises UsageError for a prefix that is no name.

    `declared` are the grants from the headers of migrations, by the name of the group.
    """
    names, of_migrations = files.names(prefix), list(declared)
    policies = _all_policies(of_migrations)
    found = catalog.read(connection)
    return [
        *_groups(found, names),
        *structure.findings(connection, {policy.name for policy in policies}),
        *_unprotected(connection, found),
        *grants.findings(found, names, of_migrations),
        *_policies(found, names, policies),
        *logins.findings(found, names),
    ]


def undone(connection: Connection, prefix: str, declared: Iterable[Grant]) -> list[Finding]:
    """Return only the groups, grants and policies that a database lacks or has beyond: that of a replay has no record."""
    names, of_migrations = files.names(prefix), list(declared)
    found = catalog.read(connection)
    missing = [one for one in _groups(found, names) if one.code == "roles.missing-role"]
    return [*missing, *grants.findings(found, names, of_migrations), *_policies(found, names, _all_policies(of_migrations))]


def _all_policies(declared: Iterable[Grant]) -> list[Policy]:
    return [*(policy for group in files.groups() for policy in group.policies), *files.policies_of(declared)]


def _groups(found: Catalog, names: dict[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with the groups themselves: missing, with attributes, or members of others."""
    for group in files.groups():
        name = names[group.name]
        role = found.roles.get(name)
        if role is None:
            yield Finding(
                "roles.missing-role", name, f"role {name} does not exist", (f"create role {quoted(name)} nologin",), "cluster"
            )
        else:
            for attribute, clause, words in _ATTRIBUTES:
                if getattr(role, attribute):
                    text = f"role {name} {words}; it is a group"
                    yield Finding("roles.attribute", name, text, (f"alter role {quoted(name)} {clause}",), "cluster")
        wanted = {names[of] for of in group.memberships}
        actual = {of for of, member in found.members if member == name}
        for of in sorted(wanted - actual):
            statement = f"grant {quoted(of)} to {quoted(name)}"
            yield Finding("roles.membership", name, f"role {name} is not a member of {of}", (statement,), "cluster")
        for of in sorted(actual - wanted - logins.HARMLESS):
            statement = f"revoke {quoted(of)} from {quoted(name)}"
            text = f"role {name} is a member of {of}, and its logins have the rights of both"
            yield Finding("roles.membership", name, text, (statement,), "cluster")


def _policies(found: Catalog, names: dict[str, str], wanted: list[Policy]) -> Iterator[Finding]:
    """Yield the policies of sql/roles/ that are missing or altered, and those that other roles have."""
    actual = {(policy.table, policy.name): policy for policy in found.policies}
    for policy in wanted:
        here = actual.get((policy.table, policy.name))
        own = Policy(policy.name, policy.table, policy.command, names[policy.role], _normal(policy.condition))
        if policy.table not in found.owners or (here and _as_declared(here) == own):
            continue
        clause = "with check" if policy.command == "insert" else "using"
        role, text = quoted(names[policy.role]), f"{clause} ({policy.condition})"
        create = f"create policy {policy.name} on {policy.table} for {policy.command} to {role} {text}"
        drop = (f"drop policy {policy.name} on {policy.table}",) if here else ()
        words = f"policy {policy.name} on {policy.table} {'is altered' if here else 'is missing'}"
        yield Finding("roles.policy", f"{policy.table}.{policy.name}", words, (*drop, create), "database")
    declared = {(policy.table, policy.name) for policy in wanted}
    ours = set(names.values())
    for (table, name), policy in sorted(actual.items()):
        if (table, name) not in declared and ours & set(policy.role.split(", ")):
            text = f"policy {name} on {table} for {policy.role} is not declared"
            yield Finding("roles.policy", f"{table}.{name}", text, (f"drop policy {quoted(name)} on {table}",), "database")


def _as_declared(policy: Policy) -> Policy:
    """Return a policy of the catalog in the form of a declared one."""
    return Policy(policy.name, policy.table, policy.command, policy.role, _normal(policy.condition))


def _normal(condition: str) -> str:
    """Return a condition without the parentheses around it, in which the server prints it."""
    text = condition.strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _unprotected(connection: Connection, found: Catalog) -> Iterator[Finding]:
    """Yield the tables of the application without row level security, and months whose triggers differ from the parent's."""
    # Before the last of these migrations some tables have none yet, and nobody means them to.
    is_migrated = "chatschema.applied_roles" in found.owners
    for (table,) in postgres.fetch_all(connection, _UNPROTECTED, (list(TABLES),)) if is_migrated else ():
        name = f"public.{table}"
        statement = f"alter table {name} enable row level security"
        yield Finding(
            "roles.no-row-security",
            name,
            f"table {name} has no row level security: its policies do nothing",
            (statement,),
            "database",
        )
    for table, trigger in found.month_triggers:
        statement = f"alter table {table} enable trigger {trigger}"
        yield Finding("roles.trigger", f"{table}.{trigger}", f"trigger {trigger} is off in {table} alone", (statement,), "database")
