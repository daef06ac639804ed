"""A bulk seed that is killed, client or server, is continued by the same command, or removed whole.

CHATSCHEMA_TEST_FULL=1 (make test-seed) kills at each statement, and at 20 random moments of a seed of 100,000 messages.
"""

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.fingerprint import fingerprint
from tests.support.killing import killed, settled, steps_of

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SMALL = ("seed", "--messages", "600", "--months", "2", "--until", "2026-05-11", "--workers", "1", "--json")
LARGE = ("seed", "--messages", "100k", "--months", "3", "--until", "2026-05-11", "--workers", "2", "--json")


def checksum(cli: Cli, database: Database, arguments: tuple[str, ...] = SMALL) -> str:
    result = cli(*arguments, "--into-used", "--url", database.url)
    assert result.code == 0, result.err
    found: str = result.json()["bulk"]["checksum"]
    return found


def is_whole(database: Database) -> None:
    """Nothing is left apart, and the months follow each other."""
    assert (
        database.one("select count(*) from pg_class where relnamespace = 'chatschema'::regnamespace and relname ~ '_y[0-9]{4}'")
        == 0
    )
    assert database.one("select count(*) from pg_index where not indisvalid") == 0
    names = [row[0] for row in database.all("select relname from pg_inherits join pg_class as c on c.oid = inhrelid order by 1")]
    for table in ("messages", "message_statuses"):
        numbers = [int(name[-7:-3]) * 12 + int(name[-2:]) for name in names if re.fullmatch(rf"{table}_y\d{{4}}m\d\d", name)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), names


def undone(cli: Cli, database: Database) -> None:
    result = cli("seed", "--undo", "--url", database.url)
    assert result.code == 0, result.err
    is_whole(database)


def test_killed_at_a_statement_it_is_continued_or_removed(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into users (username) values ('carol')")
    before = fingerprint(migrated)
    wanted = checksum(cli, migrated)
    undone(cli, migrated)
    # Not in the first run, which has more months to create.
    steps = steps_of((*SMALL, "--into-used"), migrated, tmp_path)
    undone(cli, migrated)
    points = range(2, steps) if FULL else (steps // 5, steps // 2, steps - 4)
    for turn, nth in enumerate(points):
        ways = ("before", "during", "server") if FULL else (("before", "server")[turn % 2],)
        for way in ways:
            assert killed(nth, way, (*SMALL, "--into-used"), migrated, tmp_path).code != 0, (nth, way)
            settled(migrated)
            if turn % 3 == 1:
                undone(cli, migrated)
                assert fingerprint(migrated) == before, (nth, way)
            assert checksum(cli, migrated) == wanted, (nth, way)
            is_whole(migrated)
            undone(cli, migrated)
            assert fingerprint(migrated) == before, (nth, way)


@pytest.mark.skipif(not FULL, reason="CHATSCHEMA_TEST_FULL: minutes")
def test_killed_at_random_moments_it_is_continued_or_removed(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into users (username) values ('carol')")
    before = fingerprint(migrated)
    started = time.monotonic()
    wanted = checksum(cli, migrated, LARGE)
    whole = time.monotonic() - started
    undone(cli, migrated)
    for turn in range(20):
        command = [sys.executable, "-m", "chatschema", *LARGE, "--into-used", "--url", migrated.url]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(random.uniform(0.3, whole))
        if turn % 2:
            process.kill()
        else:
            migrated.run(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'chatschema' and datname = current_database()"
            )
        process.wait()
        settled(migrated)
        if turn % 4 < 2:
            undone(cli, migrated)
            assert fingerprint(migrated) == before, turn
        assert checksum(cli, migrated, LARGE) == wanted, turn
        undone(cli, migrated)
        assert fingerprint(migrated) == before, turn
