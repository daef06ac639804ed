"""distribute and undistribute killed at random moments, and workers that die meanwhile: the database is as before, or it is done."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.citus import Citus, Worker, database, needs_citus, settled, workers
from tests.support.cli import Cli, clean_environment

pytestmark = needs_citus
IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MESSAGES, KILLS, DEATHS = ("500k", 20, 5) if IS_FULL else ("2k", 4, 1)
TABLES = ("users", "user_public_keys", "conversations", "conversation_participants", "messages", "message_statuses", "attachments")
COUNTS = " union all ".join(f"select '{table}', count(*) from public.{table}" for table in TABLES) + " order by 1"


@pytest.fixture(scope="module")
def citus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Citus]:
    """One database for all kills: each leaves it as before or done, and the next goes the other way."""
    from tests.support.cli import run_cli

    with database() as made:
        for command in (["migrate"], ["seed", "--messages", MESSAGES, "--months", "2"]):
            done = run_cli(*command, "--url", made.url, cwd=tmp_path_factory.mktemp("citus"), timeout=1200)
            assert done.code == 0, done.err
        yield made


def test_a_killed_command_leaves_one_of_both(citus: Citus, cli: Cli, tmp_path: Path) -> None:
    counts = citus.rows(COUNTS)
    took = _there_and_back(citus, cli)
    chance = random.Random(19)
    ends = []
    for _ in range(KILLS):
        command, was = _next(citus)
        running = _start(command, citus, tmp_path)
        time.sleep(chance.uniform(0, took[command]))
        running.kill()
        running.wait()
        settled(citus)
        ends.append((command, _is_distributed(citus) == was))
        assert citus.rows(COUNTS) == counts
        assert _remains(citus) == []
        assert cli("cluster", *(command, "--yes", "--url", citus.url), timeout=1200).code == 0
    print(f"killed {KILLS} times: {sum(as_before for _, as_before in ends)} as before, the others done")
    _there_and_back(citus, cli)
    assert cli("verify", "--url", citus.url).code == 0


@pytest.mark.parametrize("n", range(DEATHS))
def test_a_worker_that_dies_leaves_one_of_both(citus: Citus, cli: Cli, tmp_path: Path, n: int) -> None:
    counts = citus.rows(COUNTS)
    command, was = _next(citus)
    worker: Worker = workers()[n % len(workers())]
    running = _start(command, citus, tmp_path)
    time.sleep(random.Random(n).uniform(1, 5))
    worker.stop()
    try:
        running.wait(timeout=1200)
        answer = (tmp_path / "said").read_text("utf-8")
        assert running.returncode == 0 or str(worker.port) in answer, answer
        assert "Traceback" not in answer
    finally:
        worker.start()
    settled(citus)
    assert _is_distributed(citus) in (was, not was)
    assert citus.rows(COUNTS) == counts
    assert cli("cluster", command, "--yes", "--url", citus.url, timeout=1200).code == 0
    assert citus.rows(COUNTS) == counts
    assert _remains(citus) == []


def _there_and_back(citus: Citus, cli: Cli) -> dict[str, float]:
    """Bring the database to the cluster and back, or the other way round; return the seconds by command."""
    took = {}
    for _ in range(2):
        command, _was = _next(citus)
        begun = time.monotonic()
        done = cli(
            "cluster", command, *(["--shards", "4"] if command == "distribute" else []), "--yes", "--url", citus.url, timeout=1200
        )
        assert done.code == 0, done.err
        took[command] = time.monotonic() - begun
    return took


def _next(citus: Citus) -> tuple[str, bool]:
    was = _is_distributed(citus)
    return "undistribute" if was else "distribute", was


def _is_distributed(citus: Citus) -> bool:
    return citus.one("select to_regclass('chatschema.outbox') is not null") is True


def _start(command: str, citus: Citus, folder: Path) -> "subprocess.Popen[bytes]":
    """Start the command; what it says goes to a file of the folder."""
    shards = ["--shards", "4"] if command == "distribute" else []
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "chatschema", "cluster", command, *shards, "--yes", "--url", citus.url],
            cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip


def _remains(citus: Citus) -> list[tuple[object, ...]]:
    """Return tables on workers without their metadata, and prepared transactions."""
    if _is_distributed(citus):
        shards = "select 1 where false"
    else:
        shards = (
            "select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where n.nspname in (''public'', ''chat_partitions'') and c.relkind in (''r'', ''p'') and c.relname !~ ''^pg_''"
        )
    named = f"select coalesce(string_agg(t.relname::text, '',''), '''') from ({shards}) as t (relname)"
    prepared = "select count(*)::text from pg_prepared_xacts where database = current_database()"
    return citus.rows(
        f"select nodeport, result from run_command_on_workers('{named}') where result <> ''"
        f" union all select nodeid, result from run_command_on_all_nodes('{prepared}') where result <> '0'"
    )
