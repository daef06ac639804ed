"""Killed at a random moment, and eight at once: the database always ends the same, every migration recorded once.

CHATSCHEMA_TEST_FULL=1 (make test-kills) kills fifty times, else three.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS
from tests.support.pace import long

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
ROUNDS = 50 if IS_FULL else 3


def start(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "chatschema", *arguments],
        cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def recorded_once(database: Database) -> None:
    assert database.all("select migration_id from chatschema._yoyo_migration order by migration_id") == [(id,) for id in IDS]
    assert database.all("select migration_id, state from chatschema.migrations order by migration_id") == [
        (id, "applied") for id in IDS
    ]
    assert database.all("select migration_id, count(*) from chatschema._yoyo_log group by 1 order by 1") == [(id, 1) for id in IDS]


def recreate(database: Database) -> None:
    with database.server.connect("postgres") as admin:
        admin.execute(f"drop database {database.name} with (force)".encode())
        admin.execute(f"create database {database.name}".encode())


def wait_for_migrations(database: Database, running: "subprocess.Popen[str]", count: int) -> None:
    """Return when so many are applied; for none, when it has begun to write."""
    table = "chatschema._yoyo_migration" if count else "chatschema._yoyo_version"
    with database.connect() as watch:
        while running.poll() is None:
            row = watch.execute("select to_regclass(%s) is not null", (table,)).fetchone()
            if row and row[0]:
                row = watch.execute(f"select count(*) from {table}".encode()).fetchone()
                if row and row[0] >= count:
                    return
            time.sleep(0.002)


@long
def test_killed_again_and_again_it_always_converges(cli: Cli, empty: Database, tmp_path: Path) -> None:
    assert cli("migrate", "--url", empty.url).code == 0
    expected = dump(empty)
    rng = random.Random(20241217)
    cut_short = 0
    rounds = ROUNDS if empty.server.version >= 180000 else ROUNDS // 2
    for _ in range(rounds):
        recreate(empty)
        running = start("migrate", "--url", empty.url, cwd=tmp_path)
        # By what it has done rather than by the clock, which a busy machine would have miss the middle.
        wait_for_migrations(empty, running, rng.randrange(len(IDS)))
        time.sleep(rng.uniform(0, 0.02))
        running.kill()
        running.communicate()
        if empty.one("select to_regclass('chatschema._yoyo_migration') is not null"):
            cut_short += 0 < empty.one("select count(*) from chatschema._yoyo_migration") < len(IDS)
        again = cli("migrate", "--url", empty.url)
        assert again.code == 0, again.err
        recorded_once(empty)
        assert dump(empty) == expected
    # The moments must have hit the middle, or this has shown nothing.
    assert cut_short >= rounds / 2


@pytest.mark.parametrize("repeat", range(2 if IS_FULL else 1))
def test_eight_at_once_on_an_empty_database_all_succeed(empty: Database, tmp_path: Path, repeat: int) -> None:
    running = [start("migrate", "--url", empty.url, cwd=tmp_path) for _ in range(8)]
    results = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 8, [err for _, err in results]
    recorded_once(empty)
    applied = [line.split()[1] for out, _ in results for line in out.splitlines() if line.startswith("applied")]
    assert sorted(applied) == IDS


def test_killed_in_a_statement_the_server_lets_go_within_seconds(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    path = sql_dir / "migrations" / "20990101000000_add_slow.sql"
    path.write_text("create table public.slow (i int);\nselect pg_sleep(60);\n")
    running = start("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir), cwd=sql_dir)
    while not migrated.one("select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"):
        time.sleep(0.05)
    running.kill()
    running.communicate()
    path.write_text("create table public.slow (i int);\n")
    started = time.monotonic()
    again = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert again.code == 0, again.err
    assert time.monotonic() - started < 15


def test_a_holder_of_the_lock_is_named_and_waiting_ends_with_5(cli: Cli, migrated: Database) -> None:
    with migrated.connect() as holder:
        pid = holder.execute("select pg_backend_pid(), pg_advisory_lock(%s, 1)", (0x63686174,)).fetchone()
        assert pid
        result = cli("migrate", "--lock-wait", "1", "--url", migrated.url)
    assert result.code == 5
    assert f"pid {pid[0]}" in result.err


def test_ctrl_c_rolls_back_and_exits_130(migrated: Database, sql_dir: Path) -> None:
    import signal

    before = dump(migrated)
    path = sql_dir / "migrations" / "20990101000000_add_slow.sql"
    path.write_text("create table public.slow (i int);\nselect pg_sleep(60);\n")
    running = start("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir), cwd=sql_dir)
    while not migrated.one("select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=15)
    assert running.returncode == 130
    assert "rolled back" in err
    assert "Traceback" not in err
    assert dump(migrated) == before
