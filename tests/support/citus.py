"""Databases on a Citus cluster, which CHATSCHEMA_CITUS_URL names; without it the tests that need one are skipped by name."""

import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.support.servers import PgServer

NAME = "citus"
URL = os.environ.get("CHATSCHEMA_CITUS_URL", "")
needs_citus = pytest.mark.skipif(not URL, reason="CHATSCHEMA_CITUS_URL names no Citus cluster")


class Citus:
    """A database of its own on the coordinator and on each worker."""

    def __init__(self, name: str) -> None:
        self.name = name
        parts = conninfo_to_dict(URL)
        self.url = make_conninfo("", **{**parts, "dbname": name})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def refused(self, statement: str) -> str:
        """Return the message with which a statement is refused."""
        with pytest.raises(psycopg.Error) as caught:
            self.run(statement)
        return str(caught.value)

    @contextmanager
    def login(self, group: str) -> Iterator[str]:
        """Yield the URL of a login of a group: Citus logs in to the workers with it, so SET ROLE is not enough."""
        name = f"login_{uuid.uuid4().hex[:12]}"
        self.run(f"create role {name} login in role {group}")
        try:
            yield make_conninfo(self.url, user=name)
        finally:
            self.run(f"drop role {name}")


def nodes() -> list[tuple[str, int]]:
    """Return host and port of the servers of the cluster, the coordinator first."""
    with psycopg.connect(URL, autocommit=True) as connection:
        query = "select nodename, nodeport from pg_dist_node where noderole = 'primary' order by groupid"
        return connection.execute(query).fetchall()


def spares() -> list[tuple[str, int]]:
    """Return servers of the cluster's folder that run and are not added, as `up -s 1` leaves one."""
    known = nodes()
    with psycopg.connect(URL, autocommit=True) as connection:
        row = connection.execute("show data_directory").fetchone()
    listed = Path(row[0]).parent / "nodes" if row else Path()
    lines = listed.read_text("utf-8").splitlines() if listed.is_file() else []
    found = [(known[0][0], int(line.split()[1])) for line in lines]
    return [one for one in found if one not in known]


def _on(host: str, port: int, database: str) -> psycopg.Connection:
    return psycopg.connect(make_conninfo(URL, host=host, port=port, dbname=database), autocommit=True)


@contextmanager
def database(workers: int | None = None, *, in_metadata: bool = True, spare: bool = False) -> Iterator[Citus]:
    """Yield a new database with the extension, with so many workers (all by default), and drop it afterwards.

    `spare`: it is on the servers that are not added as well.
    """
    name = f"citus_{uuid.uuid4().hex[:12]}"
    added = nodes()
    servers: list[tuple[str, int]] = [*added, *(spares() if spare else [])]
    try:
        for host, port in servers:
            with _on(host, port, "postgres") as connection:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            with _on(host, port, name) as connection:
                connection.execute("create extension citus")
        with _on(*servers[0], name) as connection:
            if in_metadata:
                connection.execute("select citus_set_coordinator_host(%s, %s)", servers[0])
            for worker in added[1:][:workers]:
                connection.execute("select citus_add_node(%s, %s)", worker)
        yield Citus(name)
    finally:
        for host, port in servers:
            with _on(host, port, "postgres") as connection:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


class Worker:
    """A worker of the cluster on this machine, to stop it as a crash does and to start it again."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        with _on(host, port, "postgres") as connection:
            row = connection.execute("show data_directory").fetchone()
        self.folder = Path(row[0]) if row else Path()
        self.pg_ctl = self.folder.parent / "usr/lib/postgresql/15/bin/pg_ctl"
        if not self.pg_ctl.exists():
            pytest.skip(f"the worker on port {port} is not one of this machine that can be stopped")

    def stop(self) -> None:
        self._run("-m", "immediate", "stop")

    def start(self) -> None:
        self._run("-l", str(self.folder / "log"), "-w", "start")

    def _run(self, *arguments: str) -> None:
        # PostgreSQL does not run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*user, self.pg_ctl, "-D", self.folder, *arguments], check=True, capture_output=True, cwd="/", timeout=60)


def workers() -> list[Worker]:
    """Return the workers."""
    return [Worker(*node) for node in nodes()[1:]]


def settled(citus: Citus) -> None:
    """Wait until the session of the killed client is over, and the workers have heard of it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if not citus.one(
                "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'chatschema'"
            ):
                citus.one("select recover_prepared_transactions()")
                return
        except psycopg.Error:
            pass
        time.sleep(0.1)
    raise AssertionError("the session of the killed command is still there")


def server() -> PgServer:
    """Return the coordinator as the server of the tests: the databases that are made on it are distributed."""
    with psycopg.connect(URL) as connection:
        info = connection.info
        return PgServer(NAME, info.host, info.port, info.user, info.password, info.server_version)


@contextmanager
def copied(name: str, template: str) -> Iterator[None]:
    """Copy a distributed database, which nobody is connected to, on each node; drop the copy afterwards."""

    def on_each(statement: LiteralString, *names: str) -> None:
        text = sql.SQL(statement).format(*map(sql.Identifier, names))

        def run(node: tuple[str, int]) -> None:
            with _on(*node, "postgres") as connection:
                for last in (False, False, True):
                    try:
                        connection.execute(text)
                    except psycopg.errors.ObjectInUse:
                        # Citus's own worker of the database was just beginning.
                        if last:
                            raise
                    else:
                        return

        with ThreadPoolExecutor() as pool:
            list(pool.map(run, nodes()))

    try:
        # The metadata has names of hosts and numbers of objects, and both are the same in the copy.
        on_each("create database {} template {} strategy file_copy", name, template)
        yield
    finally:
        on_each("drop database if exists {} with (force)", name)


def lock_out(name: str) -> None:
    """Let nobody connect to a database any more, and end who is: Citus's own worker would keep it from being copied."""
    for host, port in nodes():
        with _on(host, port, "postgres") as connection:
            connection.execute(sql.SQL("alter database {} allow_connections false").format(sql.Identifier(name)))
            connection.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", (name,))
