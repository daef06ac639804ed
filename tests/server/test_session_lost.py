"""A run whose session the server ends, or that fails after its first file: it says what happened, what stays, and what to type."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS, applied, write

FIRST, SECOND = "20990101000000_add_first", "20990101000001_add_second"


@pytest.fixture
def two(sql_dir: Path) -> Path:
    """Two migrations more: the second takes its time after its first statement."""
    write(sql_dir, FIRST, "create table first (i int);\n", "drop table first;\n")
    write(sql_dir, SECOND, "create table second (i int);\nselect pg_sleep(60);\n")
    return sql_dir


def run_until(database: Database, sql_dir: Path, end: Callable[["subprocess.Popen[str]", int], object]) -> Result:
    """Migrate, do `end` to the run and its server process while the second file sleeps, and return what the run left."""
    running = subprocess.Popen(
        [sys.executable, "-m", "chatschema", "migrate", "--url", database.url, "--sql-dir", str(sql_dir)],
        cwd=sql_dir, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    asleep = "select pid from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
    while not (rows := database.all(asleep)):
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    end(running, rows[0][0])
    out, err = running.communicate(timeout=20)
    return Result(running.returncode, out.split("  ")[0] + "\n", err)


def test_a_session_that_is_ended_says_by_whom_and_at_which_statement(migrated: Database, two: Path) -> None:
    result = run_until(migrated, two, lambda _, pid: migrated.run("select pg_terminate_backend(%s)", pid))
    golden.check("migrate_session_ended", result)
    assert applied(migrated) == [*IDS, FIRST]
    assert migrated.one("select to_regclass('second') is null")


def test_a_file_that_fails_after_another_names_what_stays(cli: Cli, migrated: Database, two: Path) -> None:
    write(two, SECOND, "create table second (i int);\nselect 1 / 0;\n")
    options = ("--url", migrated.url, "--sql-dir", str(two))
    result = cli("migrate", *options)
    assert f"applied before the failure, and kept: {FIRST}" in result.err
    assert f"{SECOND} was rolled back; fix the file and run: chatschema migrate" in result.err
    write(two, FIRST, "create table first (i int);\n", "drop table first, none;\n")
    undone = cli("undo", *options)
    assert f"{FIRST} is still applied; fix the file and run: chatschema undo" in undone.err
