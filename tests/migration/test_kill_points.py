"""Every statement that changes something on a month's way, as a point to be killed at: the client, or the server under it.

In the suite one point of some ways; all points of all ways, three times each, with `make test-kills`.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.partition.test_retire_kill import (
    LINKS,
    RESTORE,
    RETIRE,
    check_nothing_is_lost,
    wait_until_it_is_back,
    wait_until_nobody_works,
)
from tests.support.cli import Result, run_cli
from tests.support.database import Database, create
from tests.support.killing import counted, killed
from tests.support.months import JANUARY, aged_template, contents, there
from tests.support.servers import PgServer, beside

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
DETACH = (*RETIRE[:4], "--replica-wait", "0")
ARCHIVE = ("partition", "archive", JANUARY)
PURGE = ("partition", "purge")
Context = Any


@dataclass(frozen=True)
class Way:
    """A command to be killed, how the database is before it, what finishes it, and whether the suite takes a point of it."""

    name: str
    command: tuple[str, ...]
    finish: tuple[tuple[str, ...], ...]
    before: tuple[tuple[str, ...], ...] = ()
    prepare: Callable[[Database], Context] = field(default=lambda _: nullcontext())
    is_small: bool = True


def detach_pending(table: str) -> Callable[[Database], Context]:
    """Return what leaves the detach of January's `table` pending, statuses before messages, as a killed client does."""

    def prepare(database: Database) -> Context:
        database.run("insert into chatschema.retired_months (month, state) values ('2024-01-01 00:00+00', 'detaching')")
        if table == "messages":
            database.run("alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m01")
        with database.connect() as reader, database.connect() as detacher:
            reader.execute(f"begin; select count(*) from public.{table}".encode())
            detacher.execute("set lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                detacher.execute(
                    f"alter table public.{table} detach partition chat_partitions.{table}_y2024m01 concurrently".encode()
                )
        return nullcontext()

    return prepare


@contextmanager
def half_out(database: Database) -> Iterator[None]:
    """January's statuses are out, and somebody reads messages: the statuses are to be attached again."""
    database.run("insert into chatschema.retired_months (month, state) values ('2024-01-01 00:00+00', 'detaching')")
    database.run("alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m01")
    reader = database.connect()
    reader.execute("begin; select count(*) from public.messages")
    time.sleep(1.1)
    try:
        yield
    finally:
        reader.close()


def short_retention(database: Database) -> Context:
    database.run("update public.conversations set retention_days = 1 where title = 'plain'")
    return nullcontext()


WAYS = (
    Way("retire", RETIRE, (RETIRE, RESTORE), is_small=False),
    Way("statuses pending", DETACH, (DETACH, RESTORE), prepare=detach_pending("message_statuses"), is_small=False),
    Way("messages pending", DETACH, (DETACH, RESTORE), prepare=detach_pending("messages"), is_small=False),
    Way("half out", DETACH, (DETACH, RESTORE), prepare=half_out),
    Way("archive", ARCHIVE, (ARCHIVE,), is_small=False),
    Way("restore from an archive", RESTORE, (RESTORE,), before=(RETIRE,), is_small=False),
    Way("restore of a detached month", RESTORE, (RESTORE,), before=(DETACH,), is_small=False),
    Way("purge", PURGE, (PURGE,), prepare=short_retention),
)


def state(database: Database) -> Any:
    old = {table: {m: v for m, v in found.items() if m < "2025"} for table, found in contents(database).items()}
    pending = database.one("select count(*) from pg_inherits where inhdetachpending")
    states = database.all("select month, state from chatschema.retired_months where state <> 'attached'")
    return old, pending, states, there(database, JANUARY), database.all(LINKS)


@contextmanager
def talking(database: Database, *, may_be_cut_off: bool) -> Iterator[None]:
    """Send messages to this month and report them as read while the block runs; none of that may fail."""
    is_over, failures = threading.Event(), list[str]()
    send = """
        with sent as (
            insert into public.messages (conversation_id, message_type) select id, 'system' from public.conversations limit 1 returning id
        ) select id from sent
    """

    def work() -> None:
        with suppress(psycopg.OperationalError) if may_be_cut_off else nullcontext(), database.connect() as client:
            while not is_over.wait(0.005):
                try:
                    client.execute(send.encode())
                    client.execute(
                        "select count(*) from public.messages where id > chatschema.uuid7_floor(now() - interval '1 hour')"
                    )
                except psycopg.OperationalError:
                    raise
                except psycopg.Error as error:
                    failures.append(str(error))

    client = threading.Thread(target=work)
    client.start()
    try:
        yield
    finally:
        is_over.set()
        client.join()
    assert failures == []


@pytest.fixture(scope="module")
def own(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PgServer, str]]:
    """A server that may be killed, and the name of an aged template on it."""
    with beside(server) as running:
        for base in create(running, "base"):
            assert run_cli("migrate", "--url", base.url, cwd=tmp_path_factory.mktemp("base")).code == 0
            for template in aged_template(running, base.name, "aged"):
                yield running, template


def run_killed(own: tuple[PgServer, str], way: Way, nth: int, mode: str, folder: Path) -> tuple[Result, Any]:
    """Run the command on a new copy, killed at its nth step; return what it left, and the state once it was finished."""
    server, template = own

    def done(*commands: tuple[str, ...]) -> None:
        for command in commands:
            result = run_cli(*command, "--url", database.url, cwd=folder)
            assert result.code == 0 or "there is nothing to restore" in result.err, result.err

    shutil.rmtree(folder / "archives", ignore_errors=True)
    for database in create(server, f"killed_{nth}", template):
        before = contents(database)
        done(*way.before)
        with way.prepare(database):
            with talking(database, may_be_cut_off=mode == "server"):
                result = killed(nth, mode, way.command, database, folder)
            assert "Traceback" not in result.err
            if mode == "server":
                wait_until_it_is_back(server)
        wait_until_nobody_works(database)
        if way.command != PURGE:
            check_nothing_is_lost(database, folder, before)
        done(*way.finish)
        reached = state(database)
    return result, reached


@pytest.mark.parametrize("mode", ["before", "during", "server"] if FULL else ["during"])
@pytest.mark.parametrize("way", [way for way in WAYS if FULL or way.is_small], ids=lambda way: way.name)
def test_whatever_is_killed_the_next_run_converges(own: tuple[PgServer, str], tmp_path: Path, way: Way, mode: str) -> None:
    result, expected = run_killed(own, way, 0, "count", tmp_path)
    steps = counted(result)
    points = range(1, steps + 1) if FULL else [(steps + 1) // 2]
    hit = 0
    for nth in points:
        result, reached = run_killed(own, way, nth, mode, tmp_path)
        # A step on disk has no server to kill, and the last statement may end before the client does.
        hit += result.code == -9 or (mode == "server" and result.code in (1, 4))
        assert reached == expected, f"killed at step {nth} of {steps}"
    print(f"{way.name}, {mode}: {hit} of {steps} points hit, each rerun converged")
    assert hit >= (steps // 3 if FULL else 0)
