"""The record of the structure: what migrate, undo and a kill leave of it, and what it is before there is one."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.migration.test_structure import checked, is_clean
from tests.support import golden
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database, create
from tests.support.migrations import IDS, NEXT, write
from tests.support.pace import long
from tests.support.released import RELEASES, load
from tests.support.servers import PgServer


def test_migrate_says_so_and_does_not_swallow_it(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    migrated.run("alter table public.users drop column created_at; alter table public.users alter column status drop not null")
    write(sql_dir, NEXT, "-- users: it is not created_at that is meant.\ncreate table public.note (i int)")
    result = cli("migrate", *options)
    assert result.code == 0, result.err
    golden.check(
        "structure_migrate", _of_migrate(result), {re.findall(r"recorded (20\S+ \S+) UTC", result.err)[0]: "2026-11-26 12:00"}
    )
    for column in ("created_at", "status"):
        assert f"column public.users.{column} is" in checked(cli, migrated, *options[2:]).out
    assert cli("undo", *options[:2], "--sql-dir", str(sql_dir)).code == 1  # no rollback, and nothing is recorded
    # A migration that names a column records it as it is, also when it changes nothing.
    write(sql_dir, "20990101000002_drop_password", "alter table public.users drop column if exists created_at")
    result = cli("migrate", *options)
    assert "recorded as it is now, because 20990101000002_drop_password names it: column public.users.created_at" in result.err
    out = checked(cli, migrated, *options[2:]).out
    assert "column public.users.created_at" not in out
    assert "column public.users.status is" in out
    write(
        sql_dir,
        "20990101000003_fix_status",
        "do $$ begin execute 'alter table public.users alter column status set not null'; end $$",
    )
    assert cli("migrate", *options).code == 0
    is_clean(cli, migrated, *options[2:])


def test_a_file_that_drops_all_prepared_statements_is_recorded(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    """The query that records is prepared before the first file takes a lock."""
    for number in (0, 2):
        write(
            sql_dir,
            f"2099010100000{number}_add_note{number}",
            f"alter table public.users add column note{number} text; deallocate all",
        )
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    result = cli("migrate", *options)
    assert result.code == 0, result.err
    is_clean(cli, migrated, *options[2:])


def _of_migrate(result: Result) -> Result:
    return Result(result.code, re.sub(r"\d+ ms|created .*\n", "N ms", result.out), result.err)


@pytest.mark.parametrize("release", RELEASES)
def test_a_database_of_an_earlier_release_gets_its_first_record(cli: Cli, empty: Database, release: str) -> None:
    load(empty, release)
    empty.run("alter table public.users drop column created_at; create table public.notes (i int)")
    assert (
        cli("status", "--json", "--url", empty.url).json()["structure"]["note"]
        == "not recorded yet; the next chatschema migrate records it"
    )
    result = cli("migrate", "--url", empty.url)
    assert "the structure was not recorded yet: it is recorded as it is now" in result.err
    shown = cli("status", "--url", empty.url)
    assert re.search(r"structure: recorded 20.* UTC; changes made before 20.* UTC, the first record, cannot be seen", shown.out)
    empty.run("drop table public.notes; alter table public.users drop column last_seen_at")
    assert [d["object"] for d in cli("status", "--json", "--url", empty.url).json()["structure"]["differences"]] == [
        "public.users.last_seen_at"
    ]


def test_a_record_of_another_major_version_is_not_compared_and_made_again(cli: Cli, migrated: Database) -> None:
    migrated.run("update chatschema.schema_records set form = '14 ' || split_part(form, ' ', 2), definition = definition || ' '")
    shown = cli("status", "--check", "--url", migrated.url)
    assert shown.code == 0
    assert (
        "structure: not compared, because it was recorded on PostgreSQL 14; the next chatschema migrate records it again"
        in shown.out
    )
    result = cli("migrate", "--url", migrated.url)
    assert "the structure was not compared, because it was recorded on PostgreSQL 14: it is recorded as it is now" in result.err
    assert cli("status", "--json", "--url", migrated.url).json()["structure"]["is_compared"]


KILLED = """
    alter table public.users add column note_{n} text;
    create index idx_users_note_{n} on public.users (note_{n});
    drop index if exists public.idx_users_note_{before};
"""


@long
def test_killed_between_two_migrations_the_record_is_what_was_committed(
    cli: Cli, migrated: Database, sql_dir: Path, tmp_path: Path
) -> None:
    for n in range(6):
        write(sql_dir, f"2099010100000{n}_add_note_{n}", KILLED.format(n=n, before=(n - 1) % 6))
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    cut_off = 0
    for nth in (7, 14, 14):
        command = [sys.executable, "-m", "tests.support.killed", str(nth), "before", "migrate", *options]
        done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False)
        cut_off += done.returncode == -9
        deadline = time.monotonic() + 10
        while migrated.one("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        structure = cli("status", "--json", *options).json()["structure"]
        assert structure["differences"] == []
        assert structure["is_compared"]
    assert cut_off >= 2
    assert 0 < migrated.one("select count(*) from chatschema.migrations where migration_id ~ '^2099'") < 6
    assert cli("migrate", *options).code == 0
    is_clean(cli, migrated, *options[2:])


def test_killed_on_a_fresh_database_the_next_migrate_records(cli: Cli, empty: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.killed", "150", "before", "migrate", "--url", empty.url]
    assert subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False).returncode == -9
    assert 0 < empty.one("select count(*) from chatschema.migrations") < len(IDS)
    assert cli("migrate", "--url", empty.url).code == 0
    is_clean(cli, empty)


def test_an_index_built_outside_of_a_transaction_and_cut_off_is_recorded(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    text = "-- transactional: false\ncreate index concurrently if not exists idx_users_late on public.users (created_at)"
    write(sql_dir, NEXT, text, "-- transactional: false\ndrop index concurrently public.idx_users_late")
    migrated.run("create index idx_users_late on public.users (created_at)")
    migrated.run(
        "insert into chatschema.migrations (migration_id, checksum, state, tool_version) values (%s, 'x', 'running', 'x')", NEXT
    )
    assert cli("migrate", *options).code == 0
    is_clean(cli, migrated, *options[2:])
    assert cli("undo", *options).code == 0
    assert migrated.one("select count(*) from chatschema.schema_records where object = 'public.idx_users_late'") == 0
    assert cli("status", "--json", *options).json()["structure"]["differences"] == []


@long
def test_a_copy_made_by_reset_is_as_recorded(cli: Cli, server: PgServer, migrated: Database) -> None:
    for copy in create(server, f"copy_{migrated.name}", migrated.name):
        assert cli("reset", "--yes", "--url", copy.url).code == 0
        is_clean(cli, copy)
        assert cli("undo", "--all", "--yes", "--url", copy.url).code == 0
        assert cli("migrate", "--url", copy.url).code == 0
        is_clean(cli, copy)
