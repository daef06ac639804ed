"""The whole structure of a database, read at once: its objects, and each month with its name and bounds replaced."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.errors import LOCK_SQLSTATES, Busy, ServerError
from chatschema.postgres import Connection
from chatschema.structure import comparison
from chatschema.structure.names import quoted

# A view's definition opens the tables that it reads; who changes one holds it for longer.
_TIMEOUT = "3s"


@dataclass(frozen=True, slots=True)
class Item:
    """An object, or a property of one: `kind` and `object` identify it, `definition` is compared.

    `names` are the words by which SQL names it, its own last.
    """

    kind: str
    object: str
    part_of: str | None
    definition: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a month: `made_of` is its own name there, `inherits` the object of the parent that it belongs to."""

    kind: str
    object: str
    definition: str
    made_of: str | None
    inherits: str | None


@dataclass(frozen=True, slots=True)
class MonthTable:
    """A partition and its parts, by kind, object and number; two equal indexes have the numbers 0 and 1."""

    parent: str
    name: str
    bounds: tuple[str, str] | None
    parts: Mapping[tuple[str, str, int], Part]

    @property
    def table(self) -> str:
        """The full name of its table, quoted where it must be."""
        return f"chat_partitions.{quoted(self.name)}"

    @property
    def parent_table(self) -> str:
        """The full name of its parent."""
        return f"{'chatschema' if self.parent == 'events' else 'public'}.{quoted(self.parent)}"

    def filled(self, text: str) -> str:
        """Return the text of a part with the name and the bounds of this month."""
        lower, upper = self.bounds or ("", "")
        return text.replace("{month}", self.table).replace("{from}", lower).replace("{to}", upper)


@dataclass(frozen=True, slots=True)
class View:
    """A view's columns, each with its type, and what depends on it, in words."""

    columns: tuple[str, ...]
    dependents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The structure of a database: `owner` is the ledger's, `major` the server's version."""

    items: Mapping[tuple[str, str], Item]
    months: Mapping[str, MonthTable]
    views: Mapping[str, View]
    owner: str
    major: int


def read(connection: Connection) -> Snapshot:
    """Return the structure. Raises Busy when a table is locked against readers."""
    everything = sqlfile.fill(comparison.file("normal_form"), which=sql.SQL("true"))
    owner = """
        select pg_get_userbyid(coalesce(
            (select c.relowner from pg_catalog.pg_class as c where c.oid = to_regclass('chatschema.migrations')),
            (select d.datdba from pg_catalog.pg_database as d where d.datname = current_database())
        ))
    """
    query = sql.SQL(";\n").join(
        [
            comparison.settings(_TIMEOUT),
            sql.SQL(owner),
            everything,
            sql.SQL(sqlfile.text_of(comparison.file("details"))),
            sql.SQL(sqlfile.text_of(comparison.file("months"))),
            sql.SQL(sqlfile.text_of(comparison.file("views"))),
        ]
    )
    try:
        _, owners, objects, details, parts, views = postgres.fetch_sets(connection, query)
    except ServerError as error:
        if error.sqlstate not in LOCK_SQLSTATES:
            raise
        raise _busy("a table") from None
    items = [Item(kind, object, of, text, tuple(words)) for kind, object, of, text, words in (*objects, *details)]
    if locked := [item.object for item in items if item.kind == "locked"]:
        raise _busy(", ".join(locked))
    major = connection.info.server_version // 10000
    found = {name: View(tuple(columns), tuple(dependents)) for name, columns, dependents in views}
    return Snapshot({(item.kind, item.object): item for item in items}, _months(parts), found, owners[0][0], major)


def _months(rows: list[tuple[str, str, str, str, str, str | None, str | None]]) -> dict[str, MonthTable]:
    parents: dict[str, str] = {}
    bounds: dict[str, tuple[str, str]] = {}
    parts: dict[str, dict[tuple[str, str, int], Part]] = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    for parent, name, kind, object, definition, made_of, inherits in rows:
        parents[name] = parent
        part = Part(kind, object, definition, made_of, inherits)
        if kind == "table":
            # Its row has the bounds in these places.
            part = Part(kind, object, definition, None, None)
            bounds |= {name: (made_of, inherits)} if made_of and inherits else {}
        parts.setdefault(name, {})[kind, object, seen[name, kind, object]] = part
        seen[name, kind, object] += 1
    return {name: MonthTable(parents[name], name, bounds.get(name), parts[name]) for name in sorted(parts)}


def _busy(what: str) -> Busy:
    return Busy(
        f"the structure cannot be read: {what} is locked against readers",
        "retry when the other session is done",
        code="verify.locked",
    )
