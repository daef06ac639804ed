"""From options to a connection: settings, the embedded server where none is configured, and notices on stderr."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chatschema.cli import console

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.postgres.replicas import Replicas
    from chatschema.values import Settings


def settings(url: str | None, sql_dir: Path | None = None, *, needs_server: bool = True) -> Settings:
    """Return the settings of a command in this folder. Raises UsageError; about the server only if the command `needs_server`."""
    from chatschema import config

    return config.load(url=url, environ=os.environ, folder=Path.cwd(), sql_dir=sql_dir, needs_server=needs_server)


def elsewhere(scratch: str | None) -> Settings | None:
    """Return the settings of the server for a replay; None for the one of the database itself. Raises UsageError."""
    return None if scratch in (None, "same") else settings(scratch)


@contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """Yield settings that point at a running server; the embedded one is started, and stopped by its last user."""
    from chatschema.task import session

    with session.running(settings, say=console.note) as live:
        yield live


@contextmanager
def connected(
    settings: Settings, *, wait_s: float = 0, writes: bool = True, needs_ledger: bool = True
) -> Iterator[tuple[Settings, Connection]]:
    """Yield settings and a connection to the configured or the embedded server.

    Raises ChatschemaError if the command `needs_ledger` and the schema chatschema belongs to another program.
    """
    from chatschema.task import session

    with session.connected(settings, wait_s=wait_s, writes=writes, needs_ledger=needs_ledger, say=console.note) as opened:
        yield opened


@contextmanager
def locked(settings: Settings, lock_wait_s: float) -> Iterator[tuple[Settings, Connection]]:
    """Yield settings and a connection that holds the migration lock. Raises Busy after `lock_wait_s` seconds, naming the holder."""
    from chatschema.postgres import locks

    with connected(settings) as (live, connection), locks.migration_lock(connection, wait_s=lock_wait_s, say=console.note):
        yield live, connection


def replicas(live: Settings, connection: Connection, urls: list[str] | None, wait_s: float) -> Replicas:
    """Return the replicas that the command line names, or else chatschema.toml. Raises UsageError for text that is no URL."""
    from chatschema.postgres.replicas import Replicas

    named = [settings(url).conninfo for url in urls] if urls else live.replicas
    return Replicas(connection, named, wait_s, console.note)
