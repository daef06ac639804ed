"""The rows of all tables of a small database, as counts and digests, so that two databases can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from chatschema import assets, postgres, sqlfile
from chatschema.postgres import Connection


@dataclass(frozen=True, slots=True)
class TableRows:
    """The rows of a table: how many, and a digest of those columns whose defaults do not differ from run to run."""

    count: int
    digest: str


def read(connection: Connection) -> dict[str, TableRows]:
    """Return the rows of all tables that have any, by full name; without the ledger's. Raises ServerError."""
    found = {}
    for table, columns in postgres.fetch_all(connection, sqlfile.text_of(assets.sql_dir() / "structure" / "tables.sql")):
        # Both were quoted by the server.
        query = sql.SQL(
            "select count(*), coalesce(md5(string_agg(d, '' order by d)), '') from (select md5(row({})::text) as d from {}) as r"
        ).format(sql.SQL(columns), sql.SQL(table))
        count, digest = postgres.fetch_one(connection, query)
        if count:
            found[table] = TableRows(count, digest)
    return found


def differences(expected: Mapping[str, TableRows], found: Mapping[str, TableRows]) -> list[str]:
    """Return the tables whose rows are not those that are expected, each with what differs."""
    none = TableRows(0, "")
    result = []
    for table in sorted(expected.keys() | found.keys()):
        was, now = expected.get(table, none), found.get(table, none)
        if was.count != now.count:
            result.append(f"{table} has {now.count} rows, not {was.count}")
        elif was.digest != now.digest:
            result.append(f"{table} has as many rows, {now.count}, with other values")
    return result
