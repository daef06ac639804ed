"""Migrations beside other people's locks, and statements that run outside of a transaction."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import long


def test_concurrently_in_a_transaction_says_what_to_write(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "create index concurrently note_idx on public.users (last_seen_at);")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert "-- transactional: false" in result.err


def test_a_concurrent_index_that_failed_is_taken_up_again(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    options = ("--url", seeded.url, "--sql-dir", str(sql_dir))
    name = "20990101000000_add_users_status_key"
    text = "-- transactional: false\ncreate unique index concurrently if not exists users_status_key on public.users (status);"
    write(sql_dir, name, text, "-- transactional: false\ndrop index concurrently public.users_status_key;")
    failed = cli("migrate", *options)
    assert failed.code == 1
    assert "could not create unique index" in failed.err
    assert seeded.one("select indisvalid from pg_index where indexrelid = 'public.users_status_key'::regclass") is False
    states = {entry["id"]: entry["state"] for entry in cli("status", "--json", *options).json()["migrations"]}
    assert states[name] == "interrupted"
    seeded.run("update public.users set status = 'offline' where false")
    write(sql_dir, name, text.replace("(status)", "(status, id)"))
    done = cli("migrate", *options)
    assert done.code == 0, done.err
    assert "dropping the invalid index" in done.err
    assert seeded.one("select indisvalid from pg_index where indexrelid = 'public.users_status_key'::regclass") is True
    assert cli("undo", *options).code == 0
    assert seeded.one("select to_regclass('public.users_status_key') is null")


def test_an_invalid_index_of_somebody_else_is_not_dropped(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    with seeded.connect() as connection, pytest.raises(Exception, match="could not create unique index"):
        connection.execute("create unique index concurrently mine on public.users (status)")
    write(sql_dir, NEXT, "-- transactional: false\ncreate index concurrently mine on public.users (status);")
    result = cli("migrate", "--url", seeded.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert 'relation "mine" already exists' in result.err
    assert seeded.one("select indisvalid from pg_index where indexrelid = 'public.mine'::regclass") is False


def test_a_table_in_use_is_busy_not_broken_and_readers_are_not_held_up(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    first = "20981231000000_create_first"
    write(sql_dir, first, "create table first (i int);")
    write(sql_dir, NEXT, "alter table public.users add column note text;")
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    with migrated.connect() as reader, migrated.connect() as other:
        reader.execute("set application_name = billing; begin; select count(*) from public.users")
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate", *options],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        longest = 0.0
        while running.poll() is None:
            started = time.monotonic()
            other.execute("select count(*) from public.users")
            longest = max(longest, time.monotonic() - started)
            time.sleep(0.02)
            if running.poll() is None and time.monotonic() > started + 60:
                break
        out, err = running.communicate()
    assert running.returncode == 5, err
    assert [line.split()[1] for line in out.splitlines()] == [first]
    golden.check("migrate_table_in_use", Result(5, out, err), {IDS[-1]: "LAST", NEXT: "NEXT"})
    # A waiting ALTER TABLE holds up those behind it for its lock timeout, not for as long as the reader stays.
    assert longest < 4
    assert applied(migrated) == [*IDS, first]
    assert cli("migrate", *options).code == 0


def test_the_session_that_blocks_is_named_and_not_the_oldest(migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "alter table public.users add column note text;")
    command = [sys.executable, "-m", "chatschema", "migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)]
    with migrated.connect() as oldest:
        oldest.execute("begin; select count(*) from public.conversations")
        innocent = oldest.info.backend_pid
        with migrated.connect() as billing:
            billing.execute("set application_name = billing; begin; select count(*) from public.users")
            guilty = billing.info.backend_pid
            running = subprocess.Popen(
                command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )  # fmt: skip
            assert running.stderr
            said = next((line for line in running.stderr if "pid " in line), "nobody is named")
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert f"blocked by pid {guilty} (billing, user {migrated.server.user}, idle in transaction, open for " in said
    assert "holds ACCESS SHARE on users, and this statement needs ACCESS EXCLUSIVE" in said
    assert f"pid {innocent}" not in said + err + out


def test_a_lock_that_comes_in_time_is_taken_by_a_retry(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "alter table public.users add column note text;")
    with migrated.connect() as reader:
        reader.execute("begin; select count(*) from public.users")
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert running.stderr
        tried = next(line for line in running.stderr if "attempt 1 of" in line)
        reader.execute("commit")
        _, err = running.communicate(timeout=60)
    assert running.returncode == 0, tried + err


def test_a_concurrent_index_by_an_unquoted_name_is_not_recorded_while_invalid(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    name = "20990101000000_add_users_status_key"
    text = "-- transactional: false\ncreate unique index concurrently if not exists Users_Status_Key -- why\n    on public.users (status);"
    write(sql_dir, name, text)
    options = ("--url", seeded.url, "--sql-dir", str(sql_dir))
    for _ in range(3):
        assert cli("migrate", *options).code == 1
        assert name not in applied(seeded)
    seeded.run("drop index public.users_status_key; delete from chatschema.migrations where state = 'running'")
    with seeded.connect() as connection, pytest.raises(Exception, match="could not create unique index"):
        connection.execute("create unique index concurrently users_status_key on public.users (status)")
    somebody_elses = cli("migrate", *options)
    assert somebody_elses.code == 1
    assert "exists and is invalid" in somebody_elses.err
    assert name not in applied(seeded)


@long
def test_a_single_statement_outside_of_a_transaction_does_not_hold_readers_up(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "-- transactional: false\nalter table public.users add column note text;")
    with migrated.connect() as reader, migrated.connect() as other:
        reader.execute("begin; select count(*) from public.users")
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        longest = 0.0
        for _ in range(100):
            started = time.monotonic()
            other.execute("select count(*) from public.users")
            longest = max(longest, time.monotonic() - started)
            time.sleep(0.04)
        reader.execute("commit")
        _, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert longest < 2


def test_an_undo_cut_off_outside_of_a_transaction_can_be_finished(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(
        sql_dir, NEXT, "-- transactional: false\ncreate index concurrently note_idx on public.users (last_seen_at);",
        "-- transactional: false\ndrop index concurrently public.note_idx;",
    )  # fmt: skip
    assert cli("migrate", *options).code == 0
    # What a kill between the statement and its record leaves.
    migrated.run("drop index public.note_idx")
    migrated.run("update chatschema.migrations set state = 'running' where migration_id = %s", NEXT)
    assert cli("status", "--check", *options).code == 3
    refused = cli("migrate", *options)
    assert refused.code == 1
    assert "chatschema undo" in refused.err
    assert cli("undo", *options).code == 0
    assert applied(migrated) == IDS
    assert cli("migrate", *options).code == 0
