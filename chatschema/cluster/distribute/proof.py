"""Rows counted and checksummed by set, on the server: the same on one server and over all shards."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection

_COLUMNS = """
    select a.attname from pg_catalog.pg_attribute as a
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attname
"""


@dataclass(frozen=True, slots=True)
class Sum:
    """The rows of a table, and the sum of their hashes: no text, so no setting of a node changes it."""

    table: str
    rows: int
    sum: str


def sums(connection: Connection, tables: Sequence[str]) -> list[Sum]:
    """Return the sums of the tables as this transaction sees them; raises ServerError."""
    return [_sum(connection, table) for table in tables]


def _sum(connection: Connection, table: str) -> Sum:
    columns = [row[0] for row in postgres.fetch_all(connection, _COLUMNS, (table,))]
    query = sql.SQL("select count(*), coalesce(sum(hash_record_extended(row({}), 0)), 0)::text from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(*table.split("."))
    )
    rows, total = postgres.fetch_one(connection, query)
    return Sum(table, rows, total)
