"""The rows of a month as a count and a checksum that does not depend on their order, and as a stream of CSV."""

from collections.abc import Iterable, Iterator, Sequence

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, local

Columns = Sequence[tuple[str, str]]
# The settings that decide how a value looks as text, so that the same row gives the same checksum on every server and in every
# session. If a policy would hide rows, the result is an error, and not a copy without them.
_PINNED = """
    set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1;
    set local bytea_output = 'hex'; set local timezone = 'UTC'; set local xmloption = 'content'; set local row_security = off
"""


def pin(connection: Connection) -> None:
    """Fix the text form of values, and refuse hidden rows, until the transaction ends; call before checksum() and export()."""
    # The workers make the text of their rows.
    local.reach_shards(connection)
    postgres.execute(connection, _PINNED)


def columns(connection: Connection, name: str) -> list[tuple[str, str]]:
    """Return name and type of the columns of a month's table, in order, generated ones left out."""
    query = """
        select attname, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
    """
    return [(row[0], row[1]) for row in postgres.fetch_all(connection, query, (f"{SCHEMA}.{name}",))]


def checksum(connection: Connection, table: sql.Composable, columns: Columns) -> tuple[int, str]:
    """Return how many rows the table has, and the checksum of these columns of all of them."""
    query = sqlfile.fill("partitions/content.sql", table=table, columns=_list(columns))
    row = postgres.fetch_one(connection, query)
    return row[0], row[1]


def count(connection: Connection, name: str) -> int:
    """Return how many rows a table of schema chat_partitions has."""
    rows: int = postgres.fetch_one(connection, sql.SQL("select count(*) from {}").format(sql.Identifier(SCHEMA, name)))[0]
    return rows


def export(connection: Connection, table: sql.Composable, columns: Columns, order: Sequence[str]) -> Iterator[bytes]:
    """Yield the rows as CSV with a header, in the order of these columns; raises ServerError."""
    by = sql.SQL(", ").join(sql.Identifier(name) for name in order)
    query = sqlfile.fill("partitions/export.sql", table=table, columns=_list(columns), order=by)
    with postgres.translated(), connection.cursor() as cursor, cursor.copy(query) as copy:
        for piece in copy:
            yield bytes(piece)


def load(connection: Connection, table: sql.Composable, columns: Columns, pieces: Iterable[bytes]) -> int:
    """Read CSV as export() writes it into a table; return how many rows. Raises ServerError."""
    query = sqlfile.fill("partitions/import.sql", table=table, columns=_list(columns))
    with postgres.translated(), connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            for piece in pieces:
                copy.write(piece)
        return cursor.rowcount


def load_apart(connection: Connection, name: str, columns: Columns, pieces: Iterable[bytes]) -> sql.Identifier:
    """Read CSV into a new temporary table with exactly these columns, dropped at the end of the transaction; return its name."""
    like = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))  # the server's own name of a type
        for column, kind in columns
    )
    copy = sql.Identifier("pg_temp", name)
    query = sql.SQL("create temporary table {} ({}) on commit drop").format(sql.Identifier(name), like)
    postgres.execute(connection, query)
    load(connection, copy, columns, pieces)
    return copy


def _list(columns: Columns) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
