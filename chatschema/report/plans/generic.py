"""Generic plans of queries as pg_stat_statements keeps them. Never runs a query."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chatschema.errors import BUSY_SQLSTATES, ChatschemaError, ExitCode, ServerError
from chatschema.postgres import Connection
from chatschema.report.literals import PLANNED
from chatschema.report.plans import rights
from chatschema.report.plans.rights import Statement

# A literal with its type, such as interval '1 day', is stored as interval $1, which does not parse.
_TYPES = (
    r"interval|timestamptz|timestamp(?:\s+with(?:out)?\s+time\s+zone)?|timetz|time|date|inet|uuid|numeric|jsonb|json|bytea|text"
)
_LITERAL = re.compile(rf"(?<![\w.\"])({_TYPES})\s+(\$\d+)", re.IGNORECASE)
_FIELD = re.compile(r"\bextract\s*\(\s*\$\d+\s+from\b", re.IGNORECASE)

_HINTS = {
    "42601": "its stored text is cut off, or of a form that pg_stat_statements does not store completely",
    "42501": "use the application's role, or one that may read its tables: grant pg_read_all_data to ...",
    "42703": "the column was renamed or dropped after the query ran",
}
_NAMES = (
    "the table was dropped, is temporary, or is not on the search_path ({path}):"
    " use the application's role or ?options=-csearch_path%3D..."
)
_PARAMETERS = "pg_stat_statements does not store the types of parameters; add a cast to the query, such as $1::interval"


@dataclass(frozen=True, slots=True)
class Plan:
    """A generic plan: its tree as EXPLAIN (FORMAT JSON) has it, with schemas, and its lines for people."""

    tree: dict[str, Any]
    lines: list[str]

    @property
    def cost(self) -> float:
        """The planner's estimate for all of it, in its own units."""
        return float(self.tree["Total Cost"])


def is_planned(query: str) -> bool:
    """Return whether the statement has a plan."""
    return bool(PLANNED.match(query))


def parsable(query: str) -> str:
    """Return the query in a form that parses: normalizing breaks typed literals, which become casts."""
    return _FIELD.sub("extract(epoch from", _LITERAL.sub(r"cast(\2 as \1)", query)).rstrip().rstrip(";")


def explain(connection: Connection, statement: Statement, *, with_lines: bool = True) -> Plan:
    """Return the generic plan of a query with placeholders; call it inside rights.as_application().

    Raises ChatschemaError for a query that cannot be planned, ServerError for a lock, a timeout or a lost connection.
    """
    if not is_planned(statement.text):
        raise ChatschemaError("the query is a utility statement, which has no plan", code="report.no-plan")
    if statement.refusal:
        raise ChatschemaError(
            f"the query was not planned: {statement.refusal}",
            "log in as a role that may read its tables and is not a superuser",
            code="report.plan-rights",
        )
    text, role = parsable(statement.text), statement.role
    try:
        tree = _tree(connection, text, role)
        # Before version 16 nulls replace the values and exclude all partitions; the plan shows those that it chooses from.
        prunes = not any(node.get("Subplans Removed") for node in nodes(tree))
        if not prunes:
            tree = _tree(connection, text, role, prunes=False)
        return Plan(tree, rights.explained(connection, text, role, "", prunes=prunes) if with_lines else [])
    except ServerError as error:
        raise _refused(connection, error, role) from None


def _tree(connection: Connection, text: str, role: str | None, *, prunes: bool = True) -> dict[str, Any]:
    (document,) = rights.explained(connection, text, role, "format json, verbose", prunes=prunes)
    tree: dict[str, Any] = document["Plan"]
    for node in nodes(tree):
        node.pop("Output", None)
    return tree


def _refused(connection: Connection, error: ServerError, role: str | None) -> ChatschemaError:
    if error.sqlstate in BUSY_SQLSTATES or error.sqlstate == "57014" or error.exit_code == ExitCode.UNREACHABLE:
        return error
    hint = _HINTS.get(error.sqlstate, error.hint)
    if error.sqlstate in ("42P01", "3F000"):
        hint = _NAMES.format(path=rights.search_path(connection))
    elif error.sqlstate in ("42883", "42P18", "42804", "42725", "42846", "22P02"):
        hint = _PARAMETERS
    as_role = f" as {role}" if role else ""
    return ChatschemaError(f"the query cannot be planned{as_role}: {error.message}", hint, code="report.plan-failed")


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node of a plan, the upper ones first."""
    yield tree
    for child in tree.get("Plans", ()):
        yield from nodes(child)
