"""The search for what is left of a subject: in every column of every table, and in the statistics of the planner."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.audit.about import patterns
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
        and (
            concat_ws(' ', most_common_vals::text, histogram_bounds::text, most_common_elems::text) ~* any (%s::text[])
            or exists (
                select from unnest(%s::text[]) as piece (text)
                where strpos(concat_ws(' ', most_common_vals::text, histogram_bounds::text), piece.text) > 0
            )
        )
    order by 1
"""


@dataclass(frozen=True, slots=True)
class Left:
    """Rows of a table, or samples of a column in the statistics, in which a value of the subject still stands."""

    where: str
    rows: int


def rows(connection: Connection, words: Sequence[str], raw: Sequence[bytes] = ()) -> Iterator[Left]:
    """Yield the tables that still have one of the words, or of the bytes, each read once. Raises ServerError."""
    if not words and not raw:
        return
    found = postgres.fetch_all(connection, _COLUMNS, ([*_TEXT, "bytea"],))
    for schema, table, names, types in found:
        conditions = [_condition(name, kind, words, raw) for name, kind in zip(names, types, strict=True)]
        query = sql.SQL("select count(*) from {} where {}").format(
            sql.Identifier(schema, table), sql.SQL(" or ").join(one for one in conditions if one is not None)
        )
        count: int = postgres.fetch_one(connection, query)[0] if any(conditions) else 0
        if count:
            yield Left(f"{schema}.{table}", count)


def statistics(connection: Connection, words: Sequence[str], raw: Sequence[bytes] = ()) -> list[Left]:
    """Return the columns in whose statistics one of the words, or of the bytes, still stands."""
    if not words and not raw:
        return []
    found = postgres.fetch_all(connection, _STATISTICS, (patterns(words), [piece for one in raw for piece in _coded(one)]))
    return [Left(f"statistics of {row[0]}", 1) for row in found]


def _condition(name: str, kind: str, words: Sequence[str], raw: Sequence[bytes]) -> sql.Composable | None:
    column = sql.Identifier(name)
    # Words may stand in bytes, and in texts as base64.
    every = [*raw, *(word.encode() for word in words if len(word.encode()) >= _LONG)]
    if kind == "bytea":
        return _any(sql.SQL("position({} in {}) > 0").format(sql.Literal(one), column) for one in every)
    parts = [sql.SQL("{}::text ~* any ({}::text[])").format(column, sql.Literal(patterns(words)))] if words else []
    coded = [piece for one in (every if kind in ("json", "jsonb") else raw) for piece in _coded(one)]
    return _any([*parts, *(sql.SQL("strpos({}::text, {}) > 0").format(column, sql.Literal(piece)) for piece in coded)])


def _any(parts: Iterable[sql.Composable]) -> sql.Composable | None:
    listed = list(parts)
    return sql.SQL("({})").format(sql.SQL(" or ").join(listed)) if listed else None


def _coded(raw: bytes) -> Iterator[str]:
    """Yield what stands of a value in hex, and in base64 of bytes that contain it, at each of the three alignments."""
    yield raw.hex()
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        # The first and last characters also hold bits of the bytes beside it.
        yield coded[(shift * 8 + 5) // 6 : (shift + len(raw)) * 8 // 6]
