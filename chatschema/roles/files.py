"""Reading sql/roles/: the grants, policies and memberships that each file declares. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from chatschema import sqlfile
from chatschema.errors import ChatschemaError, UsageError
from chatschema.roles.values import GROUPS, Class, Grant, Group, Policy
from chatschema.statements import Statements

_CREATE = re.compile(r"create role \{(?P<role>\w+)\} nologin")
_MEMBER = re.compile(r"grant \{(?P<of>\w+)\} to \{(?P<role>\w+)\}")
_GRANT = re.compile(
    r"grant (?P<privileges>.+) on (?:(?P<on>schema|function|procedure|table) )?(?P<objects>.+) to \{(?P<role>\w+)\}"
)
_POLICY = re.compile(
    r"create policy (?P<name>\w+) on (?P<table>[\w.]+) for (?P<command>\w+) to \{(?P<role>\w+)\}"
    r" (?:using|with check) \((?P<condition>.+)\)"
)
_FUNCTION = re.compile(r"\w+\.\w+\([^)]*\)")
# The catalog prints the types of arguments in full.
_SHORT_TYPE = re.compile(r"(?<=\btimestamp)tz\b")
_PRIVILEGE = re.compile(r"\s*(?P<privilege>[a-z]+)\s*(?:\((?P<columns>[^)]*)\))?\s*(?:,|$)")
# Names end in a group: the longest of them has to fit into the 63 bytes of a name.
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,53}")


def names(prefix: str) -> dict[str, str]:
    """Return the name of each group's role. Raises UsageError for a prefix that is no part of a plain name."""
    if not _PREFIX.fullmatch(prefix):
        text = f"the prefix {prefix!r} is not a plain name"
        raise UsageError(text, "use up to 54 letters a to z, digits and _, beginning with a letter", code="roles.prefix")
    return {group: f"{prefix}_{group}" for group in GROUPS}


@cache
def groups() -> tuple[Group, ...]:
    """Return the groups as their files declare them."""
    return tuple(_read(name) for name in GROUPS)


def _read(name: str) -> Group:
    text = sqlfile.text_of(f"roles/{name}.sql")
    grants: list[Grant] = []
    policies: list[Policy] = []
    memberships: list[str] = []
    for statement in Statements(text.encode()):
        words = " ".join(statement.text.split())
        if match := _CREATE.fullmatch(words):
            pass
        elif match := _MEMBER.fullmatch(words):
            memberships.append(match["of"])
        elif match := _POLICY.fullmatch(words):
            policies.append(Policy(match["name"], match["table"], match["command"], name, match["condition"]))
        elif match := _GRANT.fullmatch(words):
            grants += _grants(name, match["privileges"], match["on"] or "table", match["objects"])
        if not match or match["role"] != name:
            raise ChatschemaError(
                f"sql/roles/{name}.sql: this statement is not a grant or policy of {{{name}}}: {words}", code="bug"
            )
    return Group(name, text.partition("\n")[0].partition(": ")[2], tuple(grants), tuple(policies), tuple(memberships))


def _grants(role: str, privileges: str, on: str, objects: str) -> Iterator[Grant]:
    """Yield a grant for each privilege, object and column."""
    kind: Class = "function" if on in ("function", "procedure") else "schema" if on == "schema" else "table"
    # A signature has commas of its own.
    found = _FUNCTION.findall(objects) if kind == "function" else [part.strip() for part in objects.split(",")]
    for name in found:
        for match in _PRIVILEGE.finditer(privileges):
            columns = [part.strip() for part in match["columns"].split(",")] if match["columns"] else [""]
            yield from (Grant(role, kind, name, match["privilege"], column) for column in columns)


def policies_of(declared: Iterable[Grant]) -> list[Policy]:
    """Return the policies that declared grants need: a group that works for everybody reads and writes all rows.

    Those of `app` speak of the acting user, so they are in the migration itself.
    """
    wanted = {(grant.object, grant.role, grant.privilege) for grant in declared if grant.role != "app"}
    return [
        Policy(f"{table.removeprefix('public.')}_{role}_{privilege}", table, privilege, role, "true")
        for table, role, privilege in sorted(wanted)
        if privilege in ("select", "insert", "update", "delete")
    ]


def declared(table: str | None, text: str) -> list[Grant]:
    """Return the grants that the header of a migration declares, for the table that it creates or for functions.

    For example `app: select, insert (id); readonly: select (id)`, or `app, worker: execute chatschema.revoke_session(uuid, text)`.
    Raises UsageError for a text that cannot be read. `none, because ...` declares that nobody gets one.
    """
    if re.match(r"none\b", text):
        return []
    grants: list[Grant] = []
    for part in text.split(";"):
        groups, _, privileges = part.strip().partition(":")
        names = [name.strip() for name in groups.split(",")]
        found = _functions(privileges) if privileges.strip().startswith("execute ") else _of_table(table, privileges)
        if not found or not set(names) <= set(GROUPS):
            raise UsageError(
                f"this line of the header cannot be read: -- Access: {part.strip()}",
                "write: -- Access: app: select, insert (id, name); readonly: select (id)"
                " or: -- Access: app, worker: execute chatschema.revoke_session(uuid, text)",
                code="roles.declaration",
            )
        grants += [replace(grant, role=name) for name in names for grant in found]
    return grants


def _of_table(table: str | None, privileges: str) -> list[Grant]:
    """Return the grants on a table, without their role; none for a text that cannot be read."""
    if table is None or not privileges.strip() or _PRIVILEGE.sub("", privileges).strip():
        return []
    return list(_grants("", privileges, "table", f"public.{table}"))


def _functions(privileges: str) -> list[Grant]:
    """Return the grants of `execute` on functions, without their role; none for a text that cannot be read."""
    text = _SHORT_TYPE.sub(" with time zone", privileges.strip().removeprefix("execute "))
    if re.sub(r"[\s,]", "", _FUNCTION.sub("", text)):
        return []
    return list(_grants("", "execute", "function", text))
