"""The search for what is left of a person: in every column of every table, and in the statistics of the planner."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection

# A shorter value stands in random bytes by chance.
_LONG = 8
_TEXT = ("text", "character varying", "jsonb", "json", "text[]", "name")
_COLUMNS = """
    select n.nspname, c.relname, array_agg(a.attname::text order by a.attnum),
        array_agg(format_type(a.atttypid, null) order by a.attnum)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname in ('public', 'chatschema', 'chat_partitions') and c.relkind = 'r'
        and format_type(a.atttypid, null) = any (%s)
    group by n.nspname, c.relname order by n.nspname, c.relname
"""
# The statistics keep samples of values, also of rows that are gone.
_STATISTICS = """
    select format('%%I.%%I.%%I', schemaname, tablename, attname) from pg_catalog.pg_stats
    where schemaname in ('public', 'chatschema', 'chat_partitions')
        and concat_ws(' ', most_common_vals::text, histogram_bounds::text, most_common_elems::text) ~* any (%s::text[])
    order by 1
"""


@dataclass(frozen=True, slots=True)
class Left:
    """Rows of a table, or samples of a column in the statistics, in which a value of the person still stands."""

    where: str
    rows: int


def patterns(values: Sequence[str]) -> list[str]:
    """Return each value as a regular expression of the server that finds it as a whole word."""
    return [rf"(^|[^a-z0-9_.-]){_escaped(value)}($|[^a-z0-9_-])" for value in values]


def _escaped(value: str) -> str:
    return re.sub(r"([^\w@])", r"\\\1", value)


def rows(connection: Connection, values: Sequence[str]) -> Iterator[Left]:
    """Yield the tables that still have one of the values, each read once. Raises ServerError."""
    if not values:
        return
    found = postgres.fetch_all(connection, _COLUMNS, ([*_TEXT, "bytea"],))
    for schema, table, names, types in found:
        conditions = [_condition(name, kind, values) for name, kind in zip(names, types, strict=True)]
        query = sql.SQL("select count(*) from {} where {}").format(
            sql.Identifier(schema, table), sql.SQL(" or ").join(one for one in conditions if one is not None)
        )
        count: int = postgres.fetch_one(connection, query)[0] if any(conditions) else 0
        if count:
            yield Left(f"{schema}.{table}", count)


def statistics(connection: Connection, values: Sequence[str]) -> list[Left]:
    """Return the columns in whose statistics one of the values still stands."""
    if not values:
        return []
    return [Left(f"statistics of {row[0]}", 1) for row in postgres.fetch_all(connection, _STATISTICS, (patterns(values),))]


def _condition(name: str, kind: str, values: Sequence[str]) -> sql.Composable | None:
    column = sql.Identifier(name)
    if kind == "bytea":
        raw = [value.encode() for value in values if len(value.encode()) >= _LONG]
        parts = [sql.SQL("position({} in {}) > 0").format(sql.Literal(one), column) for one in raw]
        return sql.SQL("({})").format(sql.SQL(" or ").join(parts)) if parts else None
    wanted = patterns(values)
    if kind in ("json", "jsonb"):
        wanted = [
            *wanted,
            *(re.escape(piece) for value in values if len(value.encode()) >= _LONG for piece in _base64(value.encode())),
        ]
    return sql.SQL("{}::text ~* any ({}::text[])").format(column, sql.Literal(wanted))


def _base64(raw: bytes) -> Iterator[str]:
    """Yield what stands of a value in base64 of bytes that contain it, at each of the three alignments."""
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        # The first and last characters also hold bits of the bytes beside it.
        yield coded[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
