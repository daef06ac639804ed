"""Connection poolers: one that gives each transaction another server process is detected before any setting or lock.

Behind such a pooler (PgBouncer with pool_mode = transaction or statement) a session's advisory lock stays with a process that
other clients use, and so do its settings.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Any, LiteralString

from chatschema.errors import CannotConnect, ServerError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

# It sets its own isolation level: with the settings of some roles it would wait for a snapshot. It changes nothing in the session.
_ASK: LiteralString = """
    begin transaction isolation level read committed, not deferrable;
    select pg_catalog.pg_backend_pid() /* chatschema */;
    commit
"""
_ROUNDS = 8
_PATIENCE_S = 2.0


def refuse_transaction_mode(
    connection: "Connection",
    another: "Callable[[], Connection | None]",
    translated: Callable[[], AbstractContextManager[None]],
    target: str,
) -> None:
    """Raise CannotConnect when `connection` goes through a pooler that does not keep a session on one server process.

    PostgreSQL sends a client the process id at login, and a pooler sends its own number: if the two are the same, as always
    without a pooler, this is one query. Otherwise `another` session is opened, and both are asked in turn: if two open sessions
    share a process, the pooler is in transaction mode. `translated` turns the driver's errors into ServerError.
    """
    try:
        with translated():
            if _process(connection) == connection.info.backend_pid:
                return
        other = another()
        if other is None:
            is_shared = _is_shared(lambda: _process(connection), lambda: None, translated)
        else:
            with closing(other):
                is_shared = _is_shared(lambda: _process(connection), lambda: _process_in_time(other), translated)
    except ServerError as error:
        # PgBouncer with pool_mode = statement refuses a BEGIN in these words.
        is_shared = "pooling mode" in error.message
        if not is_shared:
            raise
    if is_shared:
        raise CannotConnect(
            f"{target} is a connection pooler in transaction mode (pool_mode = transaction): it would pass the locks and settings "
            "of this command to other clients; nothing was changed",
            "connect to the server itself, on its own port; or set pool_mode = session for this database or role in the pooler",
            code="connect.pooler",
        )


def _is_shared(
    ask: Callable[[], int], ask_other: Callable[[], int | None], translated: Callable[[], AbstractContextManager[None]]
) -> bool:
    """Return whether two sessions used the same process, or one used two.

    An idle pooler reuses the process that was returned last, so the first question is enough. A busy one, or one that takes
    them in turn, is asked again: the first session asks once and twice by turns, so that it does not stay in step with it.
    """
    mine: set[int] = set()
    for round in range(_ROUNDS):
        with translated():
            mine.update(ask() for _ in range(1 + round % 2))
        if len(mine) > 1:
            return True
        try:
            with translated():
                other = ask_other()
        except ServerError:
            # No process is free for it, as with a pooler in which each session has its own.
            continue
        if other in mine:
            return True
    return False


def _process(connection: "Connection") -> int:
    cursor = connection.execute(_ASK)
    cursor.nextset()
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _process_in_time(connection: "Connection") -> int:
    """Return the process, or make the driver fail if none is free in time: a pooler may keep its clients waiting for minutes."""
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        limit = threading.Timer(_PATIENCE_S, own.shutdown, [socket.SHUT_RDWR])
        limit.start()
        try:
            return _process(connection)
        finally:
            limit.cancel()
