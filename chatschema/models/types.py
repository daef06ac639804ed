"""The types of columns: domains resolved to what the drivers see, arrays with their items, the values that a CHECK allows."""

import re
from dataclasses import dataclass, replace
from typing import Any

from chatschema import postgres
from chatschema.models.values import Family, Type
from chatschema.postgres import Connection

# Every type that a column has, what its domains are based on, and the items of arrays.
_TYPES = """
    with recursive reached (oid) as (
        select a.atttypid from pg_catalog.pg_attribute as a
        where a.attrelid = any (%s::oid[]) and a.attnum > 0 and not a.attisdropped
        union
        select x.oid
        from reached as r
        join pg_catalog.pg_type as t on t.oid = r.oid
        left join pg_catalog.pg_type as e on e.typarray = t.oid
        cross join lateral (values (t.typbasetype), (e.oid)) as x (oid)
        where x.oid <> 0
    )
    select t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault is not null,
        (select e.oid from pg_catalog.pg_type as e where e.typarray = t.oid),
        array(select l.enumlabel from pg_catalog.pg_enum as l where l.enumtypid = t.oid order by l.enumsortorder)
    from reached as r
    join pg_catalog.pg_type as t on t.oid = r.oid
    join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
"""
_FAMILIES: dict[str, Family] = {"e": "enum", "r": "range", "m": "multirange", "c": "composite", "d": "domain"}
# As the server prints: status = ANY (ARRAY['sent'::text, 'read'::text]), and of a varchar with casts around.
_ANY = re.compile(
    r"CHECK \(\(\(?(?P<column>\"(?:[^\"]|\"\")+\"|\w+)\)?(?:::text)? = ANY \(\(?ARRAY\[(?P<labels>.*?)\]\)?(?:::text\[\])?\)\)\)\Z",
    re.DOTALL,
)
_LABEL = re.compile(r"'((?:[^'\\]|'')*)'::(?:text|character varying|bpchar)(?:, |\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of pg_type."""

    schema: str
    name: str
    kind: str
    base: int
    modifier: int
    is_not_null: bool
    has_default: bool
    item: int | None
    labels: list[str]


@dataclass(frozen=True, slots=True)
class Types:
    """The types that some tables use."""

    rows: dict[int, Row]

    def of(self, oid: int, modifier: int, written: str, dimensions: int) -> Type:
        """Return the type of a column; `written` is what format_type() prints for it."""
        while (row := self.rows[oid]).kind == "d":
            oid, modifier = row.base, row.modifier
        return self._one(oid, modifier, written, dimensions)

    def _one(self, oid: int, modifier: int, written: str, dimensions: int) -> Type:
        row = self.rows[oid]
        is_built_in = row.schema == "pg_catalog"
        name = row.name if is_built_in else f"{row.schema}.{row.name}"
        if row.item is not None:
            item = self._one(row.item, modifier, written.removesuffix("[]"), 0)
            return Type(name, written, "array", modifier, item=item, dimensions=max(dimensions, 1))
        family = _FAMILIES.get(row.kind, "base" if is_built_in else "other")
        return Type(name, written, family, modifier, tuple(row.labels))

    def is_not_null(self, oid: int) -> bool:
        """Return whether a domain of the type refuses null."""
        row = self.rows[oid]
        return row.is_not_null or (row.kind == "d" and self.is_not_null(row.base))

    def has_default(self, oid: int) -> bool:
        """Return whether a column of the type without a default of its own has one."""
        return self.rows[oid].has_default


def read(connection: Connection, tables: list[int]) -> Types:
    """Return the types of the columns of these tables, by their oid. Raises ServerError."""
    rows = postgres.fetch_all(connection, _TYPES, (tables,))
    return Types({row[0]: Row(*row[1:]) for row in rows})


def allowed(column: str, check: str) -> tuple[str, ...]:
    """Return the texts that a CHECK, as pg_get_constraintdef() prints it, allows in a column; nothing if it is of another form."""
    found = _ANY.match(check)
    if found is None or _plain(found["column"]) != column:
        return ()
    labels, end = [], 0
    for label in _LABEL.finditer(found["labels"]):
        if label.start() != end:
            return ()
        labels.append(label[1].replace("''", "'"))
        end = label.end()
    return tuple(labels) if end == len(found["labels"]) else ()


def limited(type: Type, checks: list[tuple[str, ...]]) -> Type:
    """Return a type of text with the values that all checks allow."""
    if type.name not in ("text", "varchar") or not checks:
        return type
    first, *others = checks
    return replace(type, labels=tuple(label for label in first if all(label in other for other in others)))


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def precision(modifier: int) -> tuple[int, int] | None:
    """Return precision and scale of a numeric; None without. A scale may be negative."""
    if modifier < 4:
        return None
    digits: Any = modifier - 4
    scale = digits & 0x7FF
    return digits >> 16 & 0xFFFF, scale - 2048 if scale >= 1024 else scale


def length(modifier: int) -> int | None:
    """Return the length of a varchar(n) or char(n); None without."""
    return modifier - 4 if modifier >= 4 else None
