"""Batches wait for a replica that is behind, and write no more WAL a second than they may; on a real standby.

CHATSCHEMA_TEST_FULL=1 (make test-batches) takes 200,000 messages, else 8,000.
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import PASSWORD
from tests.support.batches import (
    DONE_ONCE,
    HEADER,
    TOUCH,
    add_rows,
    done,
    limits,
    started,
    touches,
    wait_for,
    wait_until,
    write_both,
)
from tests.support.cli import Cli, run_cli
from tests.support.database import Database, create
from tests.support.pace import long
from tests.support.servers import PgServer, beside, private, programs

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
ROWS, LAG_MB, WAL_MB = (200_000, 8, 8) if IS_FULL else (8000, 1, 1)


@pytest.fixture(scope="module")
def pair(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, PgServer]]:
    """A database with rows on a server with a standby, both of the version of the tests' server."""
    with beside(server, config="wal_level = replica\n") as primary:
        database = Database(primary, "postgres")
        for command in (["migrate"], ["partition", "ensure", "--from", "2024-01"]):
            assert run_cli(*command, "--url", database.url, cwd=tmp_path_factory.mktemp("pair")).code == 0
        database.run("insert into public.users (username) values ('alice')")
        database.run("insert into public.conversations default values")
        add_rows(database, ROWS)
        with private(programs("embedded" if server.version >= 180000 else "system"), "standby", of=primary) as standby:
            yield database, standby


@pytest.fixture
def followed(pair: tuple[Database, PgServer]) -> Iterator[tuple[Database, PgServer]]:
    """A copy of that database."""
    template, standby = pair
    for database in create(template.server, f"followed_{uuid.uuid4().hex[:12]}", template.name):
        yield database, standby


@contextmanager
def watched(primary: Database) -> Iterator[list[tuple[float, int, int]]]:
    """Yield a list that is filled, while the block runs, with the time, the WAL written, and how far the standby is behind."""
    import threading

    seen: list[tuple[float, int, int]] = []
    is_over = threading.Event()
    look = """
        select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
            coalesce((select max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) from pg_stat_replication), 0)::bigint
    """

    def watch() -> None:
        with primary.connect() as connection:
            while not is_over.wait(0.05):
                row = connection.execute(look).fetchone()
                assert row
                seen.append((time.monotonic(), *row))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


@long
def test_a_replica_that_is_behind_is_waited_for(
    cli: Cli, followed: tuple[Database, PgServer], sql_dir: Path, tmp_path: Path
) -> None:
    database, standby = followed
    write_both(sql_dir, f"{HEADER}-- wait: no\n{TOUCH}")
    assert cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir)).code == 0
    limits(tmp_path, target_ms=20, lag_mb=LAG_MB, wal_mb=0)
    with standby.connect("postgres") as replay, watched(database) as seen:
        replay.execute("select pg_wal_replay_pause()")
        with started("batch", "run", "--url", database.url, cwd=tmp_path) as process:
            assert process.stderr
            waiting = next(line for line in process.stderr if "waiting: a replica is" in line)
            time.sleep(0.3)
            stopped = done(database)
            time.sleep(1)
            assert done(database) == stopped < ROWS
            replay.execute("select pg_wal_replay_resume()")
            rest = process.stderr.read()
            assert process.wait(timeout=60) == 0, rest
    assert f"more than {LAG_MB} MB" in waiting
    assert touches(database) == DONE_ONCE
    most = max(lag for _, _, lag in seen) / 1e6
    print(f"standby behind by {most:.1f} MB at most, limit {LAG_MB} MB; stopped at {stopped} of {ROWS} rows")
    # The limit, and the batch that went beyond it.
    assert most < LAG_MB + 2


@long
def test_batches_that_wait_for_a_replica_can_be_paused(
    cli: Cli, followed: tuple[Database, PgServer], sql_dir: Path, tmp_path: Path
) -> None:
    database, standby = followed
    write_both(sql_dir, f"{HEADER}-- wait: no\n{TOUCH}")
    assert cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir)).code == 0
    limits(tmp_path, target_ms=20, lag_mb=LAG_MB, wal_mb=0)
    with standby.connect("postgres") as replay:
        replay.execute("select pg_wal_replay_pause()")
        try:
            with started("batch", "run", "--url", database.url, cwd=tmp_path) as process:
                assert process.stderr
                assert next(line for line in process.stderr if "waiting: a replica is" in line)
                assert cli("batch", "pause", "1", "--url", database.url).code == 0
                _, err = process.communicate(timeout=20)
                assert process.returncode == 5, err
                assert "error[batch.paused]" in err
        finally:
            replay.execute("select pg_wal_replay_resume()")
    assert 0 < done(database) < ROWS


@long
def test_no_more_wal_a_second_is_written_than_allowed(
    cli: Cli, followed: tuple[Database, PgServer], sql_dir: Path, tmp_path: Path
) -> None:
    database, _ = followed
    write_both(sql_dir, f"{HEADER}-- wait: no\n{TOUCH}")
    assert cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir)).code == 0
    limits(tmp_path, target_ms=20, lag_mb=0, wal_mb=WAL_MB)
    with watched(database) as seen, started("batch", "run", "--url", database.url, cwd=tmp_path) as process:
        wait_for(database, 1)
        first = len(seen) - 1
        _, err = process.communicate(timeout=60)
        last = len(seen) - 1
        assert process.returncode == 0, err
    (began, before, _), (ended, after, _) = seen[first], seen[last]
    written, seconds = (after - before) / 1e6, ended - began
    print(f"{written:.1f} MB of WAL in {seconds:.1f} s: {written / seconds:.1f} MB/s, limit {WAL_MB} MB/s")
    assert "slowed down" in err
    assert written > 2 * WAL_MB, "too little to say anything"
    assert WAL_MB / 2 < written / seconds < WAL_MB * 1.25


def test_a_role_that_cannot_see_the_replicas_is_told(
    cli: Cli, followed: tuple[Database, PgServer], sql_dir: Path, tmp_path: Path
) -> None:
    database, _ = followed
    write_both(sql_dir, f"{HEADER}-- wait: no\n{TOUCH}")
    assert cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir)).code == 0
    database.run(
        f"create role keeper login bypassrls password '{PASSWORD}'; grant usage, create on schema public, chatschema, chat_partitions to keeper;"
        " grant all on all tables in schema public, chatschema, chat_partitions to keeper; grant all on all sequences in schema chatschema to keeper;"
        " grant execute on all functions in schema chatschema to keeper"
    )
    url = database.server.url(database.name, user="keeper")
    with started("batch", "run", "--url", url, cwd=tmp_path) as process:
        assert process.stderr
        said = next(line for line in process.stderr if "not seen" in line)
        wait_until(lambda: done(database), "no batch was committed")
    assert "grant pg_monitor to this role" in said
