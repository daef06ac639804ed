"""Freezing months that have ended, and analyzing the partitioned tables, which autovacuum never does."""

from collections.abc import Iterator
from datetime import timedelta

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.errors import BUSY_SQLSTATES, ServerError
from chatschema.partition import catalog
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, locks

# A month is closed a day after its end: this leaves time for late clients and clocks that are wrong.
_CLOSED_AFTER = timedelta(days=1)


def freeze_closed(connection: Connection) -> Iterator[str]:
    """Freeze and analyze the closed months that need it, oldest first, yielding each name; skips months in use."""
    now = catalog.server_now(connection)
    names = [month.name for month in catalog.months(connection) if month.upper + _CLOSED_AFTER <= now]
    query = sqlfile.text_of("partitions/closed_months.sql")
    due = postgres.fetch_all(connection, query, {"names": names})
    with locks.limited_session(connection, locks.MONTHS):
        for (name,) in due:
            try:
                postgres.execute(connection, sql.SQL("vacuum (freeze, analyze) {}").format(sql.Identifier(SCHEMA, name)))
                yield name
            except ServerError as error:
                if error.sqlstate not in BUSY_SQLSTATES:
                    raise


def analyze_parents(connection: Connection) -> list[str]:
    """Refresh the statistics of the partitioned tables; where the server can, without those of every month.

    Waits for no lock: the server skips a locked month and reports it.
    """
    only = sql.SQL("only ") if connection.info.server_version >= 180000 else sql.SQL("")
    parents = catalog.parents(connection)
    for parent in parents:
        postgres.execute(connection, sql.SQL("analyze (skip_locked) {}{}").format(only, sql.Identifier("public", parent)))
    return parents
