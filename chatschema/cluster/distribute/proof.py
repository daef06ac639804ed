"""Rows counted and checksummed by set, on the server: the same on one server and over all shards."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
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


def refuse_difference(before: Sequence[Sum], after: Sequence[Sum]) -> None:
    """Raise ChatschemaError for the first table whose rows differ; the caller's transaction rolls everything back."""
    for was, now in zip(before, after, strict=True):
        if was != now:
            raise ChatschemaError(
                f"{was.table} has {now.rows} rows with the sum {now.sum}, and had {was.rows} with {was.sum};"
                " everything was rolled back",
                "run it again; if it happens again, please report it with the versions of PostgreSQL and Citus",
                code="cluster.rows-differ",
            )


def _sum(connection: Connection, table: str) -> Sum:
    columns = [row[0] for row in postgres.fetch_all(connection, _COLUMNS, (table,))]
    query = sql.SQL("select count(*), coalesce(sum(hash_record_extended(row({}), 0)), 0)::text from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(*table.split("."))
    )
    rows, total = postgres.fetch_one(connection, query)
    return Sum(table, rows, total)
