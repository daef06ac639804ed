"""An index that is built online under load: how long clients wait, and that a kill at any moment leaves nothing behind.

CHATSCHEMA_TEST_FULL=1 (make test-online-index) builds on 24 months with 500,000 messages and kills 40 clients and 40 servers.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment, run_cli
from tests.support.database import Database
from tests.support.load import EDIT, SCRIPTS, prepare, running
from tests.support.months import make_months
from tests.support.online import assert_absent, assert_whole, write_index
from tests.support.pace import LONG, long
from tests.support.servers import PgServer, beside

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MONTHS, MESSAGES, KILLS = (24, 500_000, 40) if FULL else (3, 6_000, 2)
# How much longer a client may wait beside the build than it does without one, on two busy cores.
AIM_S = 0.15
# The suite runs beside other tests, which take turns on the processor; there it is only found out that nobody waits for the build.
MOST_S = AIM_S if FULL else 1.0
LOAD = {**SCRIPTS, "edit": EDIT.format(days=30 * (MONTHS - 1))}


@dataclass
class Filled:
    """A database on a server of its own, with rows in every month of the past, and the options that name it."""

    database: Database
    options: tuple[str, ...]
    build_s: float


@pytest.fixture(scope="module")
def filled(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A server that may crash: that of the other tests may not."""
    folder = tmp_path_factory.mktemp("online")
    sql_dir = folder / "sql"
    subprocess.run(["cp", "-r", str(ROOT / "sql"), str(sql_dir)], check=True)
    write_index(sql_dir)
    with beside(server, config=f"autovacuum_naptime = 1s\nfsync = {'on' if FULL else 'off'}", in_memory=not FULL) as own:
        with own.connect("postgres") as admin:
            admin.execute("create database chat")
        database = Database(own, "chat")
        options = ("--url", database.url, "--sql-dir", str(sql_dir))
        assert run_cli("migrate", "--url", database.url, cwd=folder).code == 0
        make_months(database, MONTHS)
        past = database.all(
            "select to_char(now() - i * interval '1 month', 'YYYY-MM') from generate_series(1, %s) as i", MONTHS - 1
        )
        prepare(database, {month: MESSAGES // MONTHS for (month,) in past})
        built = run_cli("migrate", *options, cwd=folder, timeout=600)
        assert built.code == 0, built.err
        assert run_cli("undo", *options, cwd=folder, timeout=600).code == 0
        yield Filled(database, options, seconds_of_the_build(built.err))


def seconds_of_the_build(told: str) -> float:
    found = re.search(r"built \d+ partitions in ([\d.]+) (ms|s)\n", told)
    assert found, told
    return float(found[1]) / (1000 if found[2] == "ms" else 1)


def start(filled: Filled, command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "chatschema", command, *filled.options],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@long
def test_clients_wait_hardly_longer_beside_a_build_and_a_drop_than_without(cli: Cli, filled: Filled, tmp_path: Path) -> None:
    database = filled.database
    waits: dict[str, float] = {}
    with running(database, tmp_path / "load", scripts=LOAD) as load:
        time.sleep(2 if FULL else 0.5)
        spans: dict[str, tuple[float, float]] = {}
        for name in ("idle", "migrate", "undo"):
            begun = time.time()
            if name == "idle":
                time.sleep(20 if FULL else 2)
            else:
                result = cli(name, *filled.options, timeout=600)
                assert result.code == 0, result.err
            spans[name] = (begun, time.time())
            if name == "migrate":
                assert_whole(database)
            time.sleep(0.5)
    assert load.failed == 0
    for name, (begun, ended) in spans.items():
        waits[name] = load.longest(begun, ended)
        print(f"\n{name}: {ended - begun:.1f} s, longest wait of a client {waits[name] * 1000:.0f} ms", end="")
    print(f"; {len(load.transactions)} transactions")
    assert_absent(database)
    assert waits["migrate"] < waits["idle"] + MOST_S
    assert waits["undo"] < waits["idle"] + MOST_S


@long
def test_an_autovacuum_is_ended_and_not_waited_for(cli: Cli, filled: Filled) -> None:
    database = filled.database
    assert cli("migrate", *filled.options).code == 0
    month = database.one(
        "select relid::regclass::text from pg_partition_tree('public.messages') where isleaf and pg_relation_size(relid) > 0 limit 1"
    )
    # As slow as that of a table of many gigabytes.
    database.run(
        f"alter table {month} set (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
        " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
    )
    database.run(f"update {month} set edit_count = edit_count")
    deadline = time.monotonic() + 60
    while not database.one("select count(*) from pg_stat_progress_vacuum where relid = %s::regclass", month):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started = time.monotonic()
    undone = cli("undo", *filled.options)
    took = time.monotonic() - started
    database.run(f"alter table {month} reset (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor,"
                 " autovacuum_vacuum_cost_delay, autovacuum_vacuum_cost_limit)")  # fmt: skip
    assert undone.code == 0, undone.err
    print(f"\nundo beside an autovacuum: {took:.1f} s")
    assert_absent(database)


def interrupted(filled: Filled, who: str, rng: random.Random) -> bool:
    """Kill the client or its server process at a random moment of a build; return whether it was at work."""
    process = start(filled, "migrate")
    is_begun = "select count(*) from chatschema.migrations where state = 'running'"
    while process.poll() is None and not filled.database.one(is_begun):
        time.sleep(0.005)
    # The transaction after it takes a moment as well.
    time.sleep(rng.uniform(0, filled.build_s + 0.1))
    was_at_work = process.poll() is None
    if was_at_work and who == "client":
        process.kill()
    elif was_at_work:
        kill_server_process(filled.database)
    process.communicate(timeout=120)
    return was_at_work


def kill_server_process(database: Database) -> None:
    """Kill the process of chatschema's first session; the server ends all others and starts again. Return when it has."""
    with suppress(psycopg.Error), database.connect() as other:
        (pid,) = other.execute(
            "select pid from pg_stat_activity where application_name = 'chatschema' and datname = current_database()"
            " order by backend_start limit 1"
        ).fetchone() or (0,)
        if not pid:
            return
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
        # Until this session is ended too, the server takes new ones.
        for _ in range(600):
            other.execute("select pg_sleep(0.1)")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(psycopg.Error):
            database.one("select 1")
            return
        time.sleep(0.1)
    raise AssertionError("the server did not come back")


@pytest.mark.parametrize("who", ["client", "server"] if LONG else ["client"])
def test_killed_at_random_moments_the_next_run_ends_valid_and_nothing_is_left(
    cli: Cli, filled: Filled, tmp_path: Path, who: str
) -> None:
    rng = random.Random(f"{who} 13")
    hits = 0
    for _ in range(KILLS):
        hits += interrupted(filled, who, rng)
        if rng.random() < 0.2:
            # Twice in one build.
            interrupted(filled, who, rng)
        again = cli("migrate", *filled.options, timeout=600)
        assert again.code == 0, again.err
        assert_whole(filled.database)
        undone = cli("undo", *filled.options, timeout=600)
        assert undone.code == 0, undone.err
        assert_absent(filled.database)
    print(f"\n{who}: {hits} of {KILLS} kills hit a build; {KILLS} of {KILLS} reruns ended valid, nothing left over")
    assert hits >= KILLS / 2
