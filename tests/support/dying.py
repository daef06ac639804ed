"""Let a run of the command line, or its server process, die at its Nth statement that writes: before, during or after it."""

import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import psycopg

_READS = re.compile(r"(?:--.*\n|/\*.*?\*/|\s)*(?:select|show|set|reset)\b", re.IGNORECASE)


def install(order: str) -> None:
    """Die as CHATSCHEMA_TEST_DYING says: "N WHO WHEN"; or "count PATH" writes the counted statements to PATH. Empty: do not die."""
    if not order:
        return
    first, *rest = order.split(" ")
    execute, seen = psycopg.Cursor.execute, [0]

    def counted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        text = query.decode() if isinstance(query, bytes) else query if isinstance(query, str) else query.as_string(self)
        if _READS.match(text) or self.connection.info.backend_pid != _main[0]:
            return execute(self, query, *args, **options)
        seen[0] += 1
        if first == "count":
            with Path(rest[0]).open("a") as file:
                file.write(" ".join(text.split())[:60] + "\n")
        elif seen[0] == int(first):
            who, when = rest
            if when == "during":
                threading.Timer(0.3, _die, (self.connection, who)).start()
            elif when == "before":
                _die(self.connection, who)
            result = execute(self, query, *args, **options)
            if when == "after":
                _die(self.connection, who)
            return result
        return execute(self, query, *args, **options)

    connect = psycopg.connect
    _main: list[int] = []

    def first_connection(*args: Any, **options: Any) -> Any:
        connection = connect(*args, **options)
        _main.append(connection.info.backend_pid)
        return connection

    psycopg.connect = first_connection
    psycopg.Cursor.execute = counted  # type: ignore[method-assign]


def _die(connection: Any, who: str) -> None:
    if who == "client":
        os.kill(os.getpid(), signal.SIGKILL)
    info = connection.info
    with psycopg.Connection.connect(info.dsn, password=info.password, host=info.host, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", (info.backend_pid,))
