"""A distributed database: its months change behind one lock on the coordinator, by whose door all traffic enters."""

from typing import LiteralString
from weakref import WeakSet

import psycopg

from chatschema.errors import ChatschemaError

# The table that only a distributed database has.
SIGN = "before_cluster"
# Citus would lock the workers' tables too, and a trigger on a worker would wait for the locker while the locker waits for its
# statement: so the coordinator's tables alone, in the order in which chatschema.enter() and what follows it take them. It is the
# first statement that Citus sees: whoever waits within a distributed transaction makes Citus end that of an application.
# Citus deadlocks where months change beside traffic without it.
_LOCK: tuple[LiteralString, ...] = (
    "set local citus.enable_ddl_propagation = off",
    """
    lock table public.users, public.conversations, public.messages, public.attachments, public.message_statuses
        in access exclusive mode
    """,
    "set local citus.enable_ddl_propagation = on",
)
# A migration resets all settings of its session, and these with them. A local table that refers to users stays local.
_SEQUENTIAL: tuple[LiteralString, ...] = (
    "set local citus.multi_shard_modify_mode = 'sequential'",
    "set local citus.enable_local_reference_table_foreign_keys = off",
)
_CLOSE: LiteralString = "; ".join(
    (
        *_SEQUENTIAL,
        "set local citus.enable_unsafe_triggers = on",
        "set local client_min_messages = error",
        *_LOCK,
        # lock_timeout does not reach the workers by itself. Nobody passes the door, but autovacuum gives way after a second only.
        "set local citus.propagate_set_commands = 'local'",
        "set local lock_timeout = '1500ms'",
    )
)
_distributed: WeakSet["psycopg.Connection[tuple[object, ...]]"] = WeakSet()


def mark(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Remember that the database of this connection is distributed; its DDL changes one shard after the other."""
    _distributed.add(connection)
    connection.execute("set citus.multi_shard_modify_mode = 'sequential'")


def is_distributed(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    """Return whether the database of this connection was found to be distributed when it was opened; asks nobody."""
    return connection in _distributed


def close(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Lock the tables of conversations on the coordinator until the transaction ends; nothing on one server."""
    if is_distributed(connection):
        connection.execute(_CLOSE)


def enter(connection: "psycopg.Connection[tuple[object, ...]]", *, closes: bool) -> None:
    """Begin the transaction of a migration there: `closes` locks the tables of conversations first; nothing on one server.

    Triggers stay refused: a file that knows better sets citus.enable_unsafe_triggers itself. One statement each, for a pipeline.
    """
    if is_distributed(connection):
        for statement in (*_SEQUENTIAL, *(_LOCK if closes else ())):
            connection.execute(statement)


def refuse(connection: "psycopg.Connection[tuple[object, ...]]", command: str) -> None:
    """Raise ChatschemaError where the database is distributed: `command` was not proved there."""
    if is_distributed(connection):
        raise ChatschemaError(
            f"database {connection.info.dbname} is distributed, and {command} is not supported there yet; nothing was changed",
            "bring it back first: chatschema cluster undistribute",
            code="cluster.unsupported",
        )
