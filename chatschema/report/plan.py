"""Generic plans of queries as pg_stat_statements keeps them. Never runs a query."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chatschema import postgres
from chatschema.errors import BUSY_SQLSTATES, ChatschemaError, ExitCode, ServerError
from chatschema.postgres import Connection

# As in the report on queries: by it our own statements are left out of it.
_MARK = "\n/* chatschema report */"
# What a report sets for its own sake, and an application does not: its plans would be others.
_OURS = ("search_path", "jit", "max_parallel_workers_per_gather")

_PLANNED = re.compile(
    r"\s*(/\*(?:[^*]|\*(?!/))*\*/\s*|--[^\n]*\n\s*|\(\s*)*(select|insert|update|delete|merge|with|values|table)\b",
    re.IGNORECASE | re.DOTALL,
)
# A literal that says its type, such as interval '1 day', is kept as interval $1, which does not parse.
_TYPES = (
    r"interval|timestamptz|timestamp(?:\s+with(?:out)?\s+time\s+zone)?|timetz|time|date|inet|uuid|numeric|jsonb|json|bytea|text"
)
_LITERAL = re.compile(rf"(?<![\w.\"])({_TYPES})\s+(\$\d+)", re.IGNORECASE)
_FIELD = re.compile(r"\bextract\s*\(\s*\$\d+\s+from\b", re.IGNORECASE)

_HINTS = {
    "42601": "its text is cut off, or is of a form that the statistics do not keep whole",
    "42501": "use the application's role, or one that may read its tables: grant pg_read_all_data to ...",
    "42703": "the column has another name now, or is gone: the query is older than the table",
}
_NAMES = (
    "the table is gone, temporary, or not on the search_path ({path}): use the application's role or ?options=-csearch_path%3D..."
)
_PARAMETERS = "the statistics do not keep the types of its parameters: a cast in the query says them, such as $1::interval"


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
    """Return whether the statement is one that has a plan."""
    return bool(_PLANNED.match(query))


def parsable(query: str) -> str:
    """Return the query with what normalising broke mended: typed literals become casts."""
    return _FIELD.sub("extract(epoch from", _LITERAL.sub(r"cast(\2 as \1)", query)).rstrip().rstrip(";")


@contextmanager
def as_application(connection: Connection) -> Iterator[None]:
    """Let the planner see names and settings as the role has them by default, which run.safe() has changed."""
    names = ", ".join(f"current_setting('{name}')" for name in _OURS)
    kept = _fetch(connection, f"select {names}")[0]
    calls = ", ".join(f"set_config('{name}', null, false)" for name in _OURS)
    _fetch(connection, f"select {calls}, set_config('plan_cache_mode', 'force_generic_plan', false)")
    try:
        yield
    finally:
        pairs = zip(_OURS, kept, strict=True)
        for name, value in pairs:
            postgres.execute(connection, "select set_config(%s, %s, false) /* chatschema report */", (name, value))


def explain(connection: Connection, query: str, *, with_lines: bool = True) -> Plan:
    """Return the generic plan of a query with placeholders; call it inside as_application().

    Raises ChatschemaError for a query that cannot be planned, ServerError for a lock, a timeout or a lost connection.
    """
    if not is_planned(query):
        raise ChatschemaError("it is a utility statement, and those have no plan")
    text = parsable(query)
    try:
        tree = _tree(connection, text)
        if not any(node.get("Subplans Removed") for node in nodes(tree)):
            return Plan(tree, _lines(connection, text) if with_lines else [])
        # Before 16 the nulls that stand for the values rule all partitions out; shown are those it chooses from.
        _fetch(connection, "select set_config('enable_partition_pruning', 'off', false)")
        try:
            return Plan(_tree(connection, text), _lines(connection, text) if with_lines else [])
        finally:
            _fetch(connection, "select set_config('enable_partition_pruning', null, false)")
    except ServerError as error:
        raise _refused(connection, error) from None


def _lines(connection: Connection, text: str) -> list[str]:
    return [row[0] for row in _explained(connection, text, "")]


def _tree(connection: Connection, text: str) -> dict[str, Any]:
    ((document,),) = _explained(connection, text, "format json, verbose")
    tree: dict[str, Any] = document[0]["Plan"]
    for node in nodes(tree):
        node.pop("Output", None)
    return tree


def _explained(connection: Connection, text: str, options: str) -> list[tuple[Any, ...]]:
    """Plan the query anew, as hypothetical indexes do not make a kept plan out of date."""
    postgres.execute(connection, "deallocate all")
    # By the extended protocol, which takes one statement: whatever else the text holds is refused, not run.
    with postgres.translated(), connection.cursor(binary=True) as cursor:
        cursor.execute(f"prepare chatschema_explained as {text}".encode())
    if connection.info.server_version >= 160000:
        options = f"({', '.join(filter(None, ('generic_plan', options)))})"
        return _fetch(connection, f"explain {options} {text}")
    (types,) = postgres.fetch_one(
        connection, "select cardinality(parameter_types) from pg_catalog.pg_prepared_statements where name = 'chatschema_explained'"
    )
    values = f"({', '.join(['null'] * types)})" if types else ""
    return _fetch(connection, f"explain {f'({options}) ' if options else ''}execute chatschema_explained{values}")


def _fetch(connection: Connection, text: str) -> list[tuple[Any, ...]]:
    with postgres.translated(), connection.cursor() as cursor:
        return cursor.execute((text + _MARK).encode()).fetchall()


def _refused(connection: Connection, error: ServerError) -> ChatschemaError:
    if error.sqlstate in BUSY_SQLSTATES or error.sqlstate == "57014" or error.exit_code == ExitCode.UNREACHABLE:
        return error
    hint = _HINTS.get(error.sqlstate, error.hint)
    if error.sqlstate in ("42P01", "3F000"):
        hint = _NAMES.format(path=_fetch(connection, "select current_setting('search_path')")[0][0])
    elif error.sqlstate in ("42883", "42P18", "42804", "42725", "42846", "22P02"):
        hint = _PARAMETERS
    return ChatschemaError(f"it cannot be planned: {error.message}", hint)


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node of a plan, the upper ones first."""
    yield tree
    for child in tree.get("Plans", ()):
        yield from nodes(child)
