"""Killed at every step of retire and restore, client or server: a rerun finishes, and no row is in neither or in both places."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli, Result, run_cli
from tests.support.database import Database, create
from tests.support.killing import killed, steps_of
from tests.support.months import JANUARY, aged_template, contents, there
from tests.support.pace import LONG, long
from tests.support.servers import PgServer, beside

# January leaves, February stays, whatever the day of the test.
_KEEP = f"{(datetime.now(UTC) - datetime(2024, 2, 15, tzinfo=UTC)).days}d"
RETIRE = ("partition", "retire", "--older-than", _KEEP, "--grace", "0d", "--yes")
RESTORE = ("partition", "restore", JANUARY)
LINKS = "select id, message_id from public.attachments order by id"


def stride(database: Database) -> int:
    """Return 1 in full (CHATSCHEMA_TEST_FULL=1, make test-kills), where every step is taken, else 5."""
    if os.environ.get("CHATSCHEMA_TEST_FULL"):
        return 1
    return 5


def check_nothing_is_lost(database: Database, folder: Path, before: dict[str, dict[str, tuple[int, str]]]) -> None:
    """January's rows are in its tables, all of them, or in its archive, all of them."""
    now, tables = contents(database), there(database, JANUARY)
    assert now["messages"]["2024-02"] == before["messages"]["2024-02"]
    assert now["message_statuses"]["2024-02"] == before["message_statuses"]["2024-02"]
    if not tables:
        manifest = json.loads((folder / "archives" / JANUARY / "manifest.json").read_text())
        for table in manifest["tables"]:
            assert table["rows"] == before[table["table"]][JANUARY][0]
            file = folder / "archives" / JANUARY / table["file"]["name"]
            assert hashlib.sha256(file.read_bytes()).hexdigest() == table["file"]["sha256"]
        return
    assert set(tables) == {"messages_y2024m01", "message_statuses_y2024m01"}, "one of the two tables is gone"
    for name, state in tables.items():
        parent = name.removesuffix("_y2024m01")
        rows = database.one(
            f"select count(*), md5(string_agg(md5(t::text), '' order by t::text collate \"C\")) from chat_partitions.{name} as t"
        )
        assert rows == before[parent][JANUARY], name
        assert (JANUARY in now[parent]) == (state == "attached")


def finish_and_bring_back(cli: Cli, database: Database, before: object, links: object) -> None:
    result = cli(*RETIRE, "--url", database.url)
    assert result.code == 0, result.err
    assert there(database, JANUARY) == {}
    assert database.one("select count(*) from pg_inherits where inhdetachpending") == 0
    released = "select count(*) from public.attachments where message_id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
    assert database.one(released) == 0
    result = cli(*RESTORE, "--url", database.url)
    assert result.code == 0, result.err
    assert (contents(database), database.all(LINKS)) == (before, links)


@pytest.fixture
def clones(server: PgServer, aged_template: str) -> Iterator[Callable[[str], Database]]:
    """A function that makes a new copy of the aged database."""
    made: list[Iterator[Database]] = []

    def clone(name: str) -> Database:
        made.append(create(server, f"killed_{name}_{aged_template[-8:]}", aged_template))
        return next(made[-1])

    yield clone
    for copy in made:
        next(copy, None)


@pytest.mark.parametrize("part", range(3 if LONG else 1))
def test_retire_killed_at_any_step_is_finished_by_the_next(
    cli: Cli, clones: Callable[[str], Database], tmp_path: Path, part: int
) -> None:
    counted = clones(f"count{part}")
    before, links = contents(counted), counted.all(LINKS)
    steps = steps_of(RETIRE, counted, tmp_path)
    assert steps > 20
    hit = 0
    for nth in range(1 + part, steps + 1, 3 * stride(counted)):
        shutil.rmtree(tmp_path / "archives", ignore_errors=True)
        database = clones(f"{nth}")
        result = killed(nth, "during" if nth % 2 else "before", RETIRE, database, tmp_path)
        hit += result.code == -9
        wait_until_nobody_works(database)
        check_nothing_is_lost(database, tmp_path, before)
        finish_and_bring_back(cli, database, before, links)
    assert hit >= steps // (3 * stride(counted)) - 2


@long
def test_restore_killed_at_any_step_is_finished_by_the_next(cli: Cli, clones: Callable[[str], Database], tmp_path: Path) -> None:
    counted = clones("count")
    before, links = contents(counted), counted.all(LINKS)
    assert cli(*RETIRE, "--url", counted.url).code == 0
    steps = steps_of(RESTORE, counted, tmp_path)
    assert steps > 10
    hit = 0
    for nth in range(1, steps + 1, 2 * stride(counted)):
        shutil.rmtree(tmp_path / "archives", ignore_errors=True)
        database = clones(f"{nth}")
        assert cli(*RETIRE, "--url", database.url).code == 0
        result = killed(nth, "during" if nth % 4 == 1 else "before", RESTORE, database, tmp_path)
        hit += result.code == -9
        wait_until_nobody_works(database)
        check_nothing_is_lost(database, tmp_path, before)
        again = cli(*RESTORE, "--url", database.url)
        assert again.code == 0 or "there is nothing to restore" in again.err, again.err
        assert (contents(database), database.all(LINKS)) == (before, links)
    assert hit >= steps // (2 * stride(counted)) - 2


def wait_until_nobody_works(database: Database) -> None:
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    deadline = time.monotonic() + 15
    while database.one(query):
        assert time.monotonic() < deadline, "the killed client's session does not end"
        time.sleep(0.02)


@long
def test_a_server_killed_at_any_step_loses_no_row(server: PgServer, tmp_path: Path) -> None:
    """A killed backend makes the whole server restart and recover, as a crash does."""
    with beside(server) as own:
        for base in create(own, "base"):
            assert run_cli("migrate", "--url", base.url, cwd=tmp_path).code == 0
            for template in aged_template(own, base.name, "aged"):
                crash_at_every_third_step(own, template, tmp_path)


def crash_at_every_third_step(own: PgServer, template: str, folder: Path) -> None:
    def cli(*arguments: str) -> Result:
        return run_cli(*arguments, cwd=folder)

    def clone(name: str) -> Database:
        return next(create(own, name, template))

    counted = clone("counted")
    before, links = contents(counted), counted.all(LINKS)
    steps = steps_of(RETIRE, counted, folder)
    failed = 0
    for nth in range(2, steps + 1, 3 * stride(counted)):
        shutil.rmtree(folder / "archives", ignore_errors=True)
        database = clone(f"crashed_{nth}")
        result = killed(nth, "server", RETIRE, database, folder)
        assert "Traceback" not in result.err
        failed += result.code in (1, 4)
        wait_until_it_is_back(own)
        check_nothing_is_lost(database, folder, before)
        finish_and_bring_back(cli, database, before, links)
    # A step on disk has no server to kill.
    assert failed >= steps // (3 * stride(counted)) - 3


def wait_until_it_is_back(own: PgServer) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            own.connect("postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.05)
        else:
            return
