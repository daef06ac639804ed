"""Scratch databases: gone at the end, also after a kill, and never the one of another run."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.database import scratch
from chatschema.errors import ChatschemaError
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.database import Database

_HOLDER = """
import sys
from pathlib import Path
from chatschema.database import scratch
from chatschema.values import Settings
here = Path()
with scratch.empty(Settings(sys.argv[1], "test", None, here, here, here)) as made:
    print(made.conninfo, flush=True)
    sys.stdin.read()
"""


def settings(url: str) -> Settings:
    return Settings(url, "test", None, ROOT / "sql", ROOT / "seeds", Path())


def name_in(conninfo: str) -> str:
    return conninfo.partition("dbname=")[2].split()[0]


def existing(database: Database) -> set[str]:
    return {row[0] for row in database.all("select datname from pg_database where starts_with(datname, %s)", scratch.PREFIX)}


@contextmanager
def another(url: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run another process that holds a scratch database; yield it and the name."""
    command = [sys.executable, "-c", _HOLDER, url]
    with subprocess.Popen(
        command, env=clean_environment(), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process, name_in(process.stdout.readline())
        process.kill()


def fail_inside(empty: Database, names: list[str]) -> None:
    with scratch.empty(settings(empty.url), like=empty.name) as made:
        names.append(name_in(made.conninfo))
        assert names[0] in existing(empty)
        with postgres.connect(made) as inside:
            assert postgres.fetch_one(inside, "select count(*) from pg_class where oid >= 16384")[0] == 0
            raise ZeroDivisionError


def test_it_is_empty_and_dropped_at_the_end_also_after_an_error(empty: Database) -> None:
    names: list[str] = []
    with pytest.raises(ZeroDivisionError):
        fail_inside(empty, names)
    assert names[0] not in existing(empty)


def test_the_next_run_drops_that_of_a_killed_one_and_no_other(empty: Database) -> None:
    with another(empty.url) as (killed, left), another(empty.url) as (alive, in_use):
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left in existing(empty)
        with scratch.empty(settings(empty.url)) as made:
            assert {in_use, name_in(made.conninfo)} <= existing(empty)
            assert left not in existing(empty)
        assert in_use in existing(empty)
        alive.communicate("", timeout=30)
        assert in_use not in existing(empty)


def test_a_role_that_may_not_create_databases_is_told_so(empty: Database) -> None:
    empty.run("create role scratch_plain login password 'plain99'")
    try:
        url = empty.server.url(empty.name, user="scratch_plain", password="plain99")
        with pytest.raises(ChatschemaError) as raised, scratch.empty(settings(url)):
            pass
        assert raised.value.code == "scratch.no-createdb"
    finally:
        empty.run("drop role scratch_plain")
