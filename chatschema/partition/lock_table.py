"""Whether the server's lock table has room for all connections to read a page over all months."""

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection


def findings(connection: Connection) -> list[str]:
    """Return what `chatschema report settings` reports about the lock table, with the statement that enlarges it; reads only."""
    _, rows = postgres.fetch_named(connection, sqlfile.fill("reports/parts/lock_table.sql"))
    return [f"{row['message']}: {row['fix']}" for row in rows if row["fits"] < row["connections"]]
