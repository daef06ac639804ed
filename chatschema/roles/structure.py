"""Policies, guards, functions and views that are not as the migrations left them, and the statements that create them again."""

from collections.abc import Iterator

from chatschema.postgres import Connection
from chatschema.roles import catalog
from chatschema.roles.values import Finding
from chatschema.structure import comparison
from chatschema.structure.comparison import Difference

# They run as their owner on purpose. Without the barrier a function in WHERE reads the rows of others.
_OWNER_RUN = ("chatschema.memberships", "chatschema.people")
_BARRIER = ("security_barrier=true",)
_CODES = {
    "policy": "roles.policy",
    "trigger": "roles.trigger",
    "function": "roles.function",
    "view": "roles.view",
    "table": "roles.no-row-security",
}
_SUFFIXES = {
    " (enabled always)": "enable always trigger",
    " (enabled replica)": "enable replica trigger",
    " (disabled)": "disable trigger",
}


def findings(connection: Connection, of_roles: set[str]) -> Iterator[Finding]:
    """Yield what was altered by hand, by the record of the last migration; `of_roles` are policies that sql/roles/ declares."""
    compared = comparison.read(connection)
    if compared.note:
        yield Finding("roles.not-compared", "the structure", f"policies and guards were {compared.note}", (), "dba")
    for difference in compared.differences:
        name = difference.names[-1] if difference.names else ""
        if difference.kind in _CODES and not (difference.kind == "policy" and name in of_roles):
            yield from _finding(difference)
    yield from _views(connection)


def _finding(difference: Difference) -> Iterator[Finding]:
    statements = _repair(difference)
    if not statements:
        return
    state = "is missing" if difference.found is None else "is not declared" if difference.recorded is None else "is altered"
    text = f"{difference.kind} {difference.object} {state}"
    yield Finding(_CODES[difference.kind], difference.object, text, statements, "database")


def _repair(difference: Difference) -> tuple[str, ...]:
    """Return the statements that make an object what the record says; none where that is not a matter of access."""
    recorded, found, table = difference.recorded, difference.found, difference.part_of
    name = difference.object.removeprefix(f"{table}.")
    if difference.kind == "policy":
        return tuple(part for part in (found and f"drop policy {name} on {table}", recorded) if part)
    if difference.kind == "table":
        return _row_security(difference)
    if recorded is None:
        # A trigger, function or view of somebody else: the grants decide who may use it.
        return ()
    if difference.kind == "trigger":
        return _trigger(name, str(table), recorded, is_there=found is not None)
    if difference.kind == "view":
        options = f" with ({', '.join(_BARRIER)})" if difference.object in _OWNER_RUN else ""
        return (f"create or replace view {difference.object}{options} as\n{recorded.rstrip(';')}",)
    return (recorded.rstrip().rstrip(";"),)


def _trigger(name: str, table: str, recorded: str, *, is_there: bool) -> tuple[str, ...]:
    suffix = next((words for words in _SUFFIXES if recorded.endswith(words)), "")
    statements = [f"drop trigger {name} on {table}"] if is_there else []
    statements.append(recorded.removesuffix(suffix))
    if suffix:
        statements.append(f"alter table {table} {_SUFFIXES[suffix]} {name}")
    return tuple(statements)


def _row_security(difference: Difference) -> tuple[str, ...]:
    if difference.recorded is None or difference.found is None:
        return ()
    statements = []
    for words, on, off in (
        ("row level security enabled", "enable row level security", "disable row level security"),
        ("forced", "force row level security", "no force row level security"),
    ):
        if (words in difference.recorded) != (words in difference.found):
            statements.append(f"alter table {difference.object} {on if words in difference.recorded else off}")
    return tuple(statements)


def _views(connection: Connection) -> Iterator[Finding]:
    """Yield views that run as their owner unmeant, and meant ones without the barrier."""
    found = catalog.read(connection)
    readable = {grant.object for grant in found.grants if grant.on == "table" and grant.privilege == "select"}
    for name, options in sorted(found.views.items()):
        if name in _OWNER_RUN:
            if "security_barrier=true" not in options:
                statement = f"alter view {name} set (security_barrier = true)"
                yield Finding("roles.view", name, f"view {name} has no security barrier", (statement,), "database")
            if "security_invoker=true" in options:
                statement = f"alter view {name} reset (security_invoker)"
                yield Finding(
                    "roles.view", name, f"view {name} runs as its caller, who cannot read what it reads", (statement,), "database"
                )
        elif name in readable and "security_invoker=true" not in options:
            statement = f"alter view {name} set (security_invoker = true)"
            text = f"view {name} runs as its owner: policies do not restrict those who read it"
            yield Finding("roles.view", name, text, (statement,), "database" if name.startswith("chatschema.") else "dba")
