"""A server that has no connection left: said so, with who can still look, and waited for with --wait."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from tests.support import PASSWORD
from tests.support.cli import Cli
from tests.support.servers import PgServer, private, programs

KIND = os.environ.get("CHATSCHEMA_TEST_SERVER", "embedded")
PLACES = 5


@pytest.fixture(scope="module")
def small() -> Iterator[PgServer]:
    kind = "system" if KIND == "container" else KIND
    with private(programs(kind), kind, config=f"max_connections = {PLACES + 3}\nsuperuser_reserved_connections = 3") as server:
        with server.connect("postgres") as admin:
            admin.execute(f"create role chat_api login password '{PASSWORD}'".encode())
        yield server


def test_no_connection_left_is_told_apart_from_no_server(cli: Cli, small: PgServer) -> None:
    with ExitStack() as stack:
        for _ in range(PLACES):
            stack.enter_context(closing(psycopg.connect(small.url("postgres", user="chat_api"), application_name="pool")))
        refused = cli("status", "--url", small.url("postgres", user="chat_api"))
        assert refused.code == 4
        assert "has no free connection for this role: max_connections is reached" in refused.err
        assert "chatschema report connections, as a superuser" in refused.err
        assert "check that it is running" not in refused.err
        # The one who may use a reserved place sees who has them.
        seen = cli("report", "connections", "--url", small.url("postgres"))
        assert seen.code == 0, seen.err
        assert f"{PLACES} of {PLACES}" in seen.out
        assert f"{PLACES} pool (chat_api)" in seen.out


def test_no_place_at_all(cli: Cli, small: PgServer) -> None:
    with ExitStack() as stack:
        for _ in range(PLACES + 3):
            stack.enter_context(closing(psycopg.connect(small.url("postgres"))))
        refused = cli("status", "--url", small.url("postgres"))
        assert refused.code == 4
        assert "including the reserved ones" in refused.err


def test_the_limit_of_a_role_and_of_a_database(cli: Cli, small: PgServer) -> None:
    with small.connect("postgres") as admin:
        admin.execute(f"create role narrow login password '{PASSWORD}' connection limit 1".encode())
        admin.execute("create database narrow_db connection limit 1")
        with closing(psycopg.connect(small.url("postgres", user="narrow"))):
            refused = cli("status", "--url", small.url("postgres", user="narrow"))
            assert (refused.code, "alter role narrow connection limit" in refused.err) == (4, True), refused.err
        with closing(psycopg.connect(small.url("narrow_db", user="chat_api"))):
            refused = cli("status", "--url", small.url("narrow_db", user="chat_api"))
            assert (refused.code, "alter database narrow_db connection limit" in refused.err) == (4, True), refused.err


def test_wait_takes_the_place_that_another_leaves(cli: Cli, small: PgServer) -> None:
    held = [psycopg.connect(small.url("postgres", user="chat_api")) for _ in range(PLACES)]
    # The check for a pooler wants a second one for a moment, and does without where there is none.
    timer = threading.Timer(2, _close, held)
    timer.start()
    result = cli("status", "--wait", "20", "--url", small.url("postgres", user="chat_api"))
    timer.join()
    assert result.code == 0, result.err
    assert "waiting for the server: 127.0.0.1" in result.err


def _close(*sessions: "psycopg.Connection[tuple[object, ...]]") -> None:
    for session in sessions:
        session.close()
