"""A rehearsal on a copy foretells the real run: on 500,000 messages, under the same load, its times are within 1.5 times.

What takes less than half a second differs from one run to the next by a quarter of a second: that much is no miss.
Those of a copy of some rows are printed: docs/how-to/rehearse.md says how near they come. In the full form only.
"""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, load, released
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.migrations import write
from tests.support.servers import PgServer, private, programs

MONTHS, MESSAGES = 24, 20_834
MOST, NOISE_MS = 1.5, 250
CHANGES = {
    "rewrite": "alter table public.messages add column note text default clock_timestamp()::text;",
    "not_null": "alter table public.messages alter column note set not null;",
    "check": "alter table public.message_statuses add constraint try_check check (status <> 'lost');",
    "index": "create index try_sender on public.messages (sender_id, created_at);",
    "column": "alter table public.messages add column topic text;",
    "backfill": "-- batch: public.messages by id\nupdate public.messages set topic = 'x' where {batch};",
}
NAME = "2099010100000{}_{}"
# Every 50 ms each, as a rehearsal sends them without rates of its own.
PER_S = 60

pytestmark = pytest.mark.skipif(not os.environ.get("CHATSCHEMA_TEST_FULL"), reason="make test-plan")


@pytest.fixture(scope="module")
def disk() -> Iterator[PgServer]:
    """A server as people have one, with fsync."""
    kind = os.environ.get("CHATSCHEMA_TEST_SERVER", "embedded")
    with private(programs(kind), "rehearsed", config="fsync = on\nmax_wal_size = '4GB'\nshared_buffers = '512MB'") as server:
        yield server


@pytest.fixture(scope="module")
def template(disk: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with 24 months of messages."""
    from tests.support.cli import run_cli

    for database in create(disk, "filled"):
        done = run_cli("migrate", "--url", database.url, cwd=tmp_path_factory.mktemp("filled"))
        assert done.code == 0, done.err
        past = [f"{month:%Y-%m}" for month in released.make_months(database, MONTHS)]
        load.prepare(database, dict.fromkeys(past, MESSAGES))
        yield database


def another(server: PgServer, template: Database) -> Iterator[Database]:
    yield from create(server, f"try_{uuid.uuid4().hex[:8]}", template.name)


@pytest.fixture
def real(disk: PgServer, template: Database) -> Iterator[Database]:
    yield from another(disk, template)


@pytest.fixture
def copy(disk: PgServer, template: Database) -> Iterator[Database]:
    for database in another(disk, template):
        database.run("vacuum analyze")
        yield database


@pytest.mark.parametrize("kind", ["copy", "sample"])
def test_times_and_waits_are_those_of_the_real_run(cli: Cli, real: Database, copy: Database, tmp_path: Path, kind: str) -> None:
    sql_dir = tmp_path / "sql"
    shutil.copytree(ROOT / "sql", sql_dir)
    for number, (name, text) in enumerate(CHANGES.items()):
        write(sql_dir, NAME.format(number, name), f"-- try: {name}.\n{text}", "select 1;")
    real.run("vacuum analyze")
    options = ("--sql-dir", str(sql_dir), "--url", real.url)
    where = ("--copy", copy.url) if kind == "copy" else ("--scratch", "same")
    rehearsed = cli("migrate", "--rehearse", "--json", *where, *options, timeout=900)
    assert rehearsed.code == 0, rehearsed.err
    foretold = {one["id"]: one for one in rehearsed.json()["migrations"]}
    took = run(cli, real, tmp_path, options)
    misses = []
    for id, (ms, wait) in took.items():
        told = foretold[id]
        line = (
            f"{kind:<7} {id[15:]:<10} foretold {told['duration_ms']:8.0f} ms, took {ms:8.0f} ms;"
            f" longest wait foretold {told['longest_wait_ms']:7.0f} ms, was {wait:7.0f} ms"
        )
        print(line, flush=True)
        is_near = abs(told["duration_ms"] - ms) <= NOISE_MS or 1 / MOST <= told["duration_ms"] / ms <= MOST
        if kind == "copy" and not is_near:
            misses.append(line)
    assert misses == []


def run(cli: Cli, database: Database, folder: Path, options: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Migrate file by file beside pgbench; return the time of each, and the longest wait of a client."""
    spans: dict[str, tuple[float, float, float]] = {}
    with load.running(database, folder / "load", clients=4, rate=PER_S) as clients:
        time.sleep(2)
        for number, name in enumerate(CHANGES):
            id = NAME.format(number, name)
            began = time.time()
            done: Any = cli("migrate", "--json", "--to", id, *options, timeout=900)
            assert done.code == 0, done.err
            spans[id] = (done.json()["applied"][0]["duration_ms"], began, time.time())
            time.sleep(0.5)
    return {id: (ms, clients.longest(start, end) * 1000) for id, (ms, start, end) in spans.items()}
