"""A database of one test, on a real server."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.servers import PgServer


@dataclass(frozen=True)
class Database:
    """A database of one test."""

    server: PgServer
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.url, autocommit=True)

    def all(self, query: str, *params: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            query, params = self._worded(connection, query, params)
            return connection.execute(query.encode(), params or None).fetchall()

    def one(self, query: str, *params: object) -> Any:
        row = self.all(query, *params)[0]
        return row[0] if len(row) == 1 else row

    def run(self, query: str, *params: object) -> None:
        with self.connect() as connection:
            query, params = self._worded(connection, query, params)
            connection.execute(query.encode(), params or None)

    def _worded(
        self, connection: "psycopg.Connection[Any]", query: str, params: tuple[object, ...]
    ) -> tuple[str, tuple[object, ...]]:
        """Return the statement as an application writes it for this server."""
        if self.server.name != "citus":
            return query, params
        from tests.support import distributed

        return distributed.worded(connection, query, params)


def caught_up(primary: Database, standby: Database) -> None:
    """Wait until the standby has replayed what the primary has written so far."""
    end, deadline = primary.one("select pg_current_wal_lsn()::text"), time.monotonic() + 20
    while not standby.one("select pg_last_wal_replay_lsn() >= %s::pg_lsn", end):
        assert time.monotonic() < deadline, "the standby does not follow"
        time.sleep(0.05)


def create(server: PgServer, name: str, template: str = "template1") -> Iterator[Database]:
    if server.name == "citus" and template != "template1":
        from tests.support import citus

        with citus.copied(name, template):
            yield Database(server, name)
        return
    with server.connect("postgres") as admin:
        admin.execute(f"create database {name} template {template}".encode())
    yield Database(server, name)
    with server.connect("postgres") as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())
