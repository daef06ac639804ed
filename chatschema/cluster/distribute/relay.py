"""Rows that shards wrote for tables of the coordinator are moved there, each once; the lists of users follow conversations."""

from collections.abc import Iterator

from chatschema import postgres
from chatschema.cluster.distribute import checks
from chatschema.postgres import Connection

BATCH = 1000


def relay(connection: Connection, size: int = BATCH) -> Iterator[int]:
    """Move the rows of the outbox, at most `size` in one transaction; yield how many each moved, until it is empty.

    Killed at any moment, each row is in one of both places. Raises ChatschemaError where the database is not distributed.
    """
    checks.refuse_plain(connection)
    while moved := postgres.fetch_one(connection, "select chatschema.relay(%s)", (size,))[0]:
        yield moved


def relay_lists(connection: Connection, size: int = BATCH) -> Iterator[int]:
    """Renew the lists of users, for at most `size` changes in one transaction; yield how many each took, until none is left.

    Killed at any moment, a change is taken and in the lists, or neither. Raises ChatschemaError where the database is not
    distributed.
    """
    checks.refuse_plain(connection)
    while taken := postgres.fetch_one(connection, "select chatschema.relay_lists(%s)", (size,))[0]:
        yield taken


def waiting(connection: Connection) -> int:
    """Return how many rows wait in the outbox; raises ServerError."""
    return int(postgres.fetch_one(connection, "select count(*) from chatschema.outbox")[0])
