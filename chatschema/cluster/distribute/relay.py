"""Rows that shards wrote for tables of the coordinator are moved there, each once."""

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection

BATCH = 1000
_TARGETS = ("audit_logs", "events", "deferred_erasures")


def relay(connection: Connection, size: int = BATCH) -> int:
    """Move the oldest rows of the outbox, at most `size`, in one transaction; return how many. Raises ServerError.

    Two at once do not move a row twice: the second waits for the rows of the first, and does not find them.
    """
    with postgres.transaction(connection):
        return move(connection, size)


def move(connection: Connection, size: int = BATCH) -> int:
    """Move rows as relay() does, in the transaction of the caller."""
    rows, count = postgres.fetch_one(connection, sqlfile.fill("cluster/relay/take.sql", size=sql.Literal(size)))
    if not count:
        return 0
    from psycopg.types.json import Jsonb

    for target in _TARGETS:
        postgres.execute(connection, sqlfile.fill(f"cluster/relay/{target}.sql", rows=sql.Literal(Jsonb(rows))))
    if postgres.has_table(connection, "chatschema.event_state"):
        postgres.execute(connection, "select chatschema.tell_of_events()")
    return int(count)


def waiting(connection: Connection) -> int:
    """Return how many rows wait in the outbox; raises ServerError."""
    return int(postgres.fetch_one(connection, "select count(*) from chatschema.outbox")[0])
