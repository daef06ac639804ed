"""Logins that may call what the application's group may call, and nothing else; read from the headers of the migrations."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import psycopg

from chatschema.migration import files as migration_files
from chatschema.task import granting
from tests.support import PASSWORD, ROOT
from tests.support.database import Database

Connection = psycopg.Connection[tuple[Any, ...]]
# A bcrypt hash of cost 12 by its form; few tests compare a secret with it.
HASH = "$2b$12$" + "a" * 53


def declared() -> dict[str, set[str]]:
    """Return the functions of the lines `-- Access: GROUPS: execute FUNCTION`, each with its groups."""
    found: dict[str, set[str]] = {}
    for grant in granting.declared(migration_files.discover(ROOT / "sql" / "migrations")):
        if grant.on == "function":
            found.setdefault(grant.object, set()).add(grant.role)
    return found


@contextmanager
def login(database: Database, group: str = "app") -> Iterator[str]:
    """Yield the URL of a new login that may call the functions of `group`."""
    name = f"login_{uuid.uuid4().hex[:12]}"
    functions = [function for function, groups in declared().items() if group in groups]
    assert functions
    database.run(f"create role {name} login password '{PASSWORD}'; grant execute on function {', '.join(functions)} to {name}")
    try:
        yield database.server.url(database.name, user=name, password=PASSWORD)
    finally:
        database.run(f"drop owned by {name}; drop role {name}")


@contextmanager
def acting(url: str, user: object = None) -> Iterator[Connection]:
    """Yield a connection in a transaction that is committed at the end, with the context of `user` if one is named."""
    with psycopg.connect(url) as connection:
        if user is not None:
            connection.execute("select set_config('app.user_id', %s, true)", (str(user),))
        yield connection


def call(url: str, query: str, *params: object, user: object = None) -> Any:
    """Run one query in its own transaction; return the row, or its only column."""
    with acting(url, user) as connection:
        row = connection.execute(query.encode(), params or None).fetchone()
    return row[0] if row is not None and len(row) == 1 else row


def wait_for_lock(watch: Connection, waiting: Connection, running: "Future[Any]") -> None:
    """Return once the statement that `running` runs on `waiting` waits for a lock, or is done without one."""
    query = "select 1 from pg_locks where pid = %s and not granted"
    while not running.done() and not watch.execute(query, (waiting.info.backend_pid,)).fetchone():
        time.sleep(0.001)
