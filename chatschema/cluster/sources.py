"""The tables that a statement reads, and which of their columns it compares with a value or with one another."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chatschema import nodes
from chatschema.cluster.tables import DISTRIBUTED

Key = tuple[int, str]
_STATEMENTS = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")
_SYSTEM = ("pg_catalog", "information_schema", "pg_temp")


@dataclass(frozen=True, slots=True)
class Source:
    """A table of a statement: a number of its own, its schema (empty if the statement has none), and its name.

    Citus plans a WITH query and a subquery that refers to nothing around it by themselves: `unit` numbers these.
    """

    number: int
    schema: str
    table: str
    unit: int

    @property
    def is_distributed(self) -> bool:
        """Whether it is one of the tables of a conversation."""
        return self.schema in ("", "public") and self.table in DISTRIBUTED

    @property
    def key(self) -> Key:
        """The column that distributes it."""
        return self.number, DISTRIBUTED[self.table]


@dataclass
class Level:
    """A query inside a statement: its sources by alias, what it returns by name, and the query around it."""

    outer: "Level | None"
    unit: int
    names: "dict[str, Source | Level]" = field(default_factory=dict)
    ctes: "dict[str, Level]" = field(default_factory=dict)
    returned: dict[str, Key] = field(default_factory=dict)
    has_star: bool = False

    def cte(self, name: str) -> "Level | None":
        """Return the WITH query of this name."""
        return self.ctes.get(name) or (self.outer.cte(name) if self.outer else None)

    def key(self, fields: list[str]) -> Key | None:
        """Return the column of a table that a reference means; None for any other."""
        if len(fields) > 1:
            found = self.names.get(fields[-2])
            if found is None:
                return self.outer.key(fields) if self.outer else None
            return self._of(found, fields[-1])
        return self.guessed(fields[0]) or (self.outer.key(fields) if self.outer else None)

    def _of(self, found: "Source | Level", column: str, *, is_guess: bool = False) -> Key | None:
        if isinstance(found, Level):
            return found.returned.get(column) or (found.guessed(column) if found.has_star else None)
        # Without an alias a name belongs to the table that is distributed by it.
        if is_guess and not (found.is_distributed and DISTRIBUTED[found.table] == column):
            return None
        return found.number, column

    def guessed(self, column: str) -> Key | None:
        """Return the column that a name without an alias means here; None where no table here is distributed by it."""
        keys = (self._of(found, column, is_guess=True) for found in self.names.values())
        return next((key for key in keys if key), None)


class Reader:
    """Reads a statement: `sources` are its tables, `locked` those of a FOR UPDATE; `is_bound` and `group` tell what it compares."""

    def __init__(self, kind: str, node: Any) -> None:
        self.sources: list[Source] = []
        self.locked: list[Source] = []
        self._parents: dict[Key, Key] = {}
        self._bound: set[Key] = set()
        # The places of the queries behind IN, which are read with what they are compared with.
        self._read: set[int] = set()
        self._units = 0
        self._statement(kind, node, None)

    def group(self, key: Key) -> Key:
        """Return one column for all those that the statement sets equal."""
        while key in self._parents:
            key = self._parents[key]
        return key

    def is_bound(self, key: Key) -> bool:
        """Return whether the statement compares the column with a value."""
        return self.group(key) in {self.group(one) for one in self._bound}

    def _statement(self, kind: str, node: Any, outer: Level | None) -> Level:
        level = Level(outer, self._unit(node, outer))
        for cte in node.with_clause.ctes if node.HasField("with_clause") else ():
            inner = cte.common_table_expr
            # A recursive query reads itself.
            level.ctes[inner.ctename] = Level(level, 0)
            level.ctes[inner.ctename] = self._statement(nodes.kind_of(inner.ctequery), nodes.inner(inner.ctequery), level)
        if kind == "select_stmt":
            self._select(node, level)
        elif kind in ("update_stmt", "delete_stmt", "merge_stmt"):
            self._table(node.relation, level)
            for name in ("from_clause", "using_clause"):
                for item in getattr(node, name, ()):
                    self._item(item, level)
            self._where(node, level)
        self._expressions(node, level)
        return level

    def _unit(self, node: Any, outer: Level | None) -> int:
        if outer is not None and _is_correlated(node):
            return outer.unit
        self._units += 1
        return self._units

    def _select(self, node: Any, level: Level) -> None:
        for name in ("larg", "rarg"):
            if node.HasField(name):
                side = self._statement("select_stmt", getattr(node, name), level)
                level.returned |= {column: key for column, key in side.returned.items() if column not in level.returned}
        for item in node.from_clause:
            self._item(item, level)
        self._where(node, level)
        for target in node.target_list:
            self._returned(target.res_target, level)
        if node.locking_clause:
            self.locked += [one for one in level.names.values() if isinstance(one, Source)]

    def _returned(self, target: Any, level: Level) -> None:
        if nodes.kind_of(target.val) != "column_ref":
            return
        fields = nodes.strings(target.val.column_ref.fields)
        if len(fields) < len(target.val.column_ref.fields):
            level.has_star = True
        elif key := level.key(fields):
            level.returned[target.name or fields[-1]] = key

    def _item(self, item: Any, level: Level) -> None:
        kind, inner = nodes.kind_of(item), nodes.inner(item)
        if kind == "range_var":
            self._table(inner, level)
        elif kind == "range_subselect":
            level.names[inner.alias.aliasname] = self._statement("select_stmt", inner.subquery.select_stmt, level)
        elif kind == "join_expr":
            self._join(inner, level)

    def _join(self, join: Any, level: Level) -> None:
        before = set(level.names)
        self._item(join.larg, level)
        left = set(level.names) - before
        self._item(join.rarg, level)
        right = set(level.names) - before - left
        for column in nodes.strings(join.using_clause):
            keys = [key for alias in (*left, *right) if (key := level.key([alias, column]))]
            for one in keys[1:]:
                self._link(keys[0], one)
        if join.HasField("quals"):
            self._condition(join.quals, level)

    def _table(self, relation: Any, level: Level) -> None:
        alias = relation.alias.aliasname or relation.relname
        inner = None if relation.schemaname else level.cte(relation.relname)
        if inner is not None:
            level.names[alias] = inner
            return
        source = Source(len(self.sources), relation.schemaname, relation.relname, level.unit)
        level.names[alias] = source
        if source.schema not in _SYSTEM and not source.table.startswith("pg_"):
            self.sources.append(source)

    def _where(self, node: Any, level: Level) -> None:
        if node.DESCRIPTOR.fields_by_name.get("where_clause") and node.HasField("where_clause"):
            self._condition(node.where_clause, level)

    def _condition(self, node: Any, level: Level) -> None:
        """Read what holds for every row: comparisons joined by AND."""
        kind, inner = nodes.kind_of(node), nodes.inner(node)
        if kind == "bool_expr" and nodes.boolean_operator(inner) == "and":
            for one in inner.args:
                self._condition(one, level)
        elif kind == "a_expr" and nodes.strings(inner.name) == ["="]:
            for left, right in zip(_parts(inner.lexpr), _parts(inner.rexpr), strict=False):
                self._equal(self._key(left, level), self._key(right, level))
        elif kind == "sub_link" and inner.HasField("testexpr"):
            self._read.add(inner.location)
            query = self._statement("select_stmt", inner.subselect.select_stmt, level)
            for left, key in zip(_parts(inner.testexpr), query.returned.values(), strict=False):
                self._equal(self._key(left, level), key)

    def _key(self, node: Any, level: Level) -> Key | None:
        return level.key(nodes.strings(node.column_ref.fields)) if nodes.kind_of(node) == "column_ref" else None

    def _equal(self, left: Key | None, right: Key | None) -> None:
        if left and right:
            self._link(left, right)
        elif left or right:
            self._bound.add(left or right or (0, ""))

    def _link(self, left: Key, right: Key) -> None:
        one, other = self.group(left), self.group(right)
        if one != other:
            self._parents[one] = other

    def _expressions(self, node: Any, level: Level) -> None:
        """Read the queries inside expressions; those of FROM and WITH are read already."""
        for name, value in node.ListFields():
            if name.name not in ("from_clause", "using_clause", "with_clause", "larg", "rarg") and name.message_type is not None:
                for one in value if hasattr(value, "add") else [value]:
                    for kind, inner in self._queries(one):
                        self._statement(kind, inner, level)

    def _queries(self, message: Any) -> Iterator[tuple[str, Any]]:
        """Yield the outermost queries inside a message that were not read yet."""
        if message.DESCRIPTOR.name == "Node":
            kind = nodes.kind_of(message)
            if kind in _STATEMENTS:
                yield kind, nodes.inner(message)
                return
            if kind == "sub_link" and message.sub_link.location in self._read:
                return
        for part, value in message.ListFields():
            if part.message_type is not None:
                for one in value if hasattr(value, "add") else [value]:
                    yield from self._queries(one)


def _is_correlated(node: Any) -> bool:
    """Return whether a query names a table that it does not have itself."""
    own: set[str] = set()
    named: set[str] = set()
    for kind, inner in nodes.walk(node):
        if kind in ("range_var", "range_subselect", "range_function", "join_expr"):
            own.add(inner.alias.aliasname or (inner.relname if kind == "range_var" else ""))
        elif kind == "column_ref" and len(inner.fields) > 1:
            named.add(nodes.strings(inner.fields)[-2 if nodes.kind_of(inner.fields[-1]) == "string" else -1])
    return bool(named - own - {"excluded"})


def _parts(node: Any) -> list[Any]:
    """Return the members of a row, or the expression itself."""
    return list(node.row_expr.args) if nodes.kind_of(node) == "row_expr" else [node]
