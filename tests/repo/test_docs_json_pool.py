"""`ci pool`, as other languages use it: by commands, whose documents have schemas, and by its socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import ROOT, node
from tests.support.cli import Cli, clean_environment
from tests.support.documents import check
from tests.support.pools import databases
from tests.support.servers import PgServer


@pytest.fixture
def pool(cli: Cli, server: PgServer, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A pool in the folder of the test; stopped, it leaves no database."""
    started = cli("ci", "pool", "start", "--server", server.url("postgres"), "--warm", "2", "--json")
    assert started.code == 0, started.err
    check("ci-pool-start", started.json())
    yield started.json()
    stopped = cli("ci", "pool", "stop", env={"CHATSCHEMA_TEST_URL": server.url("postgres")})
    assert stopped.code == 0, stopped.err


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_databases_are_taken_and_given_back_by_commands(cli: Cli, server: PgServer, pool: dict[str, Any]) -> None:
    again = cli("ci", "pool", "start", "--json")
    assert again.json()["pid"] == pool["pid"], "one that runs is left as it is"
    taken = cli("ci", "pool", "take", "--json").json()
    check("ci-pool-take", taken)
    with psycopg.connect(taken["url"]) as connection:
        assert connection.execute("select count(*) from public.users").fetchone() == (0,)
    other = cli("ci", "pool", "take").out.strip()
    assert other not in (taken["url"], "")
    status = cli("ci", "pool", "status", "--json").json()
    check("ci-pool-status", status)
    assert status["taken"] == 2
    assert cli("ci", "pool", "give", other).out == f"gave back {other}\n"
    until(lambda: other.rpartition("/")[2] not in databases(server))
    twice = cli("ci", "pool", "give", other)
    assert twice.code == 1
    assert "error[pool.unknown]" in twice.err
    assert taken["database"] in databases(server)
    stopped = cli("ci", "pool", "stop")
    assert stopped.out == "stopped\n", stopped.err
    assert taken["database"] not in databases(server)
    assert not Path(pool["socket"]).parent.exists()
    assert cli("ci", "pool", "status").code == 3
    assert "error[pool.not-running]" in cli("ci", "pool", "take").err


TAKE = """
import json, socket, sys, time
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(b"take\\n")
print(json.loads(connection.makefile().readline())["database"], flush=True)
time.sleep(60)
"""


def test_a_killed_process_gives_its_database_back_and_a_killed_pool_is_replaced(
    cli: Cli, server: PgServer, pool: dict[str, Any]
) -> None:
    with subprocess.Popen([sys.executable, "-c", TAKE, pool["socket"]], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        assert name in databases(server)
        process.kill()
    until(lambda: name not in databases(server))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(pool["socket"])
        connection.sendall(b"take everything\n")
        assert json.loads(connection.makefile().readline())["error"]["code"] == "pool.request"
    name = cli("ci", "pool", "take", "--json").json()["database"]
    os.kill(pool["pid"], signal.SIGKILL)
    until(lambda: cli("ci", "pool", "status").code == 3)
    started = cli("ci", "pool", "start", "--server", server.url("postgres"), "--warm", "1", "--json")
    assert started.code == 0, started.err
    assert started.json()["pid"] != pool["pid"]
    until(lambda: name not in databases(server))


def test_a_pool_that_cannot_start_tells_why(cli: Cli) -> None:
    done = cli("ci", "pool", "start", "--server", "postgresql://nobody:hidden@127.0.0.1:1/none")
    assert done.code == 1
    assert "error[pool.start]" in done.err
    assert "127.0.0.1:1" in done.err
    assert "hidden" not in done.err


@node.needs_node
def test_the_example_for_node_gives_each_test_a_database(
    node_modules: Path, pool: dict[str, Any], server: PgServer, tmp_path: Path
) -> None:
    for path in (ROOT / "examples" / "node").iterdir():
        (tmp_path / path.name).write_text(path.read_text("utf-8"))
    (tmp_path / "node_modules").symlink_to(node_modules / "node_modules")
    done = subprocess.run(
        ["node", "--test"], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 2" in done.stdout
