"""How long a migration waits and how often it is tried: [locks], the header of a file, --until; rows are no tables."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.online import FEBRUARY, WAITING, assert_whole, left, migrating, until, write_index
from tests.support.pace import long

# A sequence keeps its value after a rollback, so it counts the tries.
COUNTED = "select nextval('public.tries');\n"
LOCAL_TIME = "select now() at time zone reset_val from pg_settings where name = 'TimeZone'"


@contextmanager
def holding(database: Database, query: str, seconds: float = 0) -> Iterator[int]:
    """A session that has run `query` in a transaction, which ends after some seconds or with the block."""
    with database.connect() as session:
        session.execute("set application_name = billing")
        session.execute(f"begin; {query}".encode())
        end = threading.Timer(seconds or 600, lambda: session.execute("commit"))
        end.start()
        yield session.info.backend_pid
        end.cancel()


@pytest.fixture
def counting(migrated: Database) -> Database:
    migrated.run(
        "create sequence public.tries; insert into public.users (username) select 'user-' || i from generate_series(1, 50) as i"
    )
    return migrated


def tried(database: Database) -> int:
    value, is_called = database.one("select last_value, is_called from public.tries")
    return int(value) if is_called else 0


def test_a_held_row_is_waited_for_without_doing_the_work_again(cli: Cli, counting: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, f"{COUNTED}update public.users set last_seen_at = now();")
    with holding(counting, "select from public.users where username = 'user-50' for update", 8) as pid:
        began = time.monotonic()
        done = cli("migrate", "--url", counting.url, "--sql-dir", str(sql_dir))
        took = time.monotonic() - began
    assert done.code == 0, done.err
    assert f"blocked by pid {pid} (billing" in done.err
    assert "has an open transaction, and this statement waits for its end" in done.err
    assert took > 7
    # The first try cannot know for whom it waits, and the second one finds out.
    assert tried(counting) == 3


def test_a_row_that_is_never_released_ends_the_run_with_its_holder(cli: Cli, counting: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, f"-- lock-attempts: 2\n-- lock-timeout: 300ms\n{COUNTED}update public.users set last_seen_at = now();")
    write(sql_dir, "20981231000000_create_first", "create table public.first (i int);")
    with holding(counting, "select from public.users where username = 'user-50' for update") as pid:
        refused = cli("migrate", "--url", counting.url, "--sql-dir", str(sql_dir))
    assert refused.code == 5
    assert "error[lock.timeout]" in refused.err
    assert f"{NEXT} was rolled back" in refused.err
    assert f"pg_terminate_backend({pid})" in refused.err
    assert tried(counting) == 2
    assert applied(counting) == [*IDS, "20981231000000_create_first"]


def migrate_beside_a_reader(cli: Cli, database: Database, sql_dir: Path, *options: str) -> tuple[Result, float]:
    """Return the result of a migrate that a reader of users blocks, and the longest wait of another reader."""
    over, waits = threading.Event(), [0.0]

    def read() -> None:
        with database.connect() as other:
            while not over.is_set():
                began = time.monotonic()
                other.execute("select count(*) from public.users")
                waits.append(time.monotonic() - began)
                time.sleep(0.02)

    with holding(database, "select count(*) from public.users"):
        reader = threading.Thread(target=read)
        reader.start()
        done = cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir), *options)
        over.set()
        reader.join()
    return done, max(waits)


@pytest.mark.parametrize("where", ["toml", "header"])
def test_the_patience_is_configured(cli: Cli, counting: Database, sql_dir: Path, tmp_path: Path, where: str) -> None:
    header = ""
    if where == "header":
        header = "-- users: a note.\n-- lock-timeout: 200ms\n-- lock-attempts: 3\n"
        (tmp_path / "chatschema.toml").write_text('[locks]\ntimeout = "20s"\nattempts = 1\npause = "100ms"\n')
    else:
        (tmp_path / "chatschema.toml").write_text('[locks]\ntimeout = "200ms"\nattempts = 3\npause = "100ms"\n')
    write(sql_dir, NEXT, f"{header}alter table public.users add column note text;")
    began = time.monotonic()
    done, longest = migrate_beside_a_reader(cli, counting, sql_dir)
    assert done.code == 5
    assert "after 3 attempts; blocked by pid" in done.err
    assert "holds ACCESS SHARE on users, and this statement needs ACCESS EXCLUSIVE" in done.err
    assert time.monotonic() - began < 6
    print(f"another reader waited {longest * 1000:.0f} ms at most")
    assert longest < 0.8


def test_the_wait_of_others_is_bounded_for_all_statements_together(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    """Each table becomes free in time for its own statement; with a wait for each, the first one would be locked for seconds."""
    tables = ("audit_logs", "conversations", "conversation_participants", "attachments")
    ddl = "".join(f"alter table public.{table} add column note text;\n" for table in ("users", *tables))
    write(sql_dir, NEXT, f"-- lock-attempts: 30\n{ddl}")
    over, waits = threading.Event(), [0.0]

    def read() -> None:
        with seeded.connect() as other:
            while not over.is_set():
                began = time.monotonic()
                other.execute("select count(*) from public.users")
                waits.append(time.monotonic() - began)
                time.sleep(0.02)

    def release() -> None:
        while not seeded.one("select count(*) from pg_locks where not granted and locktype = 'relation'"):
            time.sleep(0.02)
        for reader in readers:
            time.sleep(0.6)
            reader.execute("commit")

    with ExitStack() as stack:
        readers = [stack.enter_context(seeded.connect()) for _ in tables]
        for reader, table in zip(readers, tables, strict=True):
            reader.execute(f"begin; select count(*) from public.{table}".encode())
        threads = [threading.Thread(target=read), threading.Thread(target=release)]
        for thread in threads:
            thread.start()
        done = cli("migrate", "--url", seeded.url, "--sql-dir", str(sql_dir))
        over.set()
        for thread in threads:
            thread.join()
    assert done.code == 0, done.err
    print(f"a reader of users waited {max(waits) * 1000:.0f} ms at most")
    assert max(waits) < 0.6


@long
def test_nothing_is_begun_after_the_time_is_over(counting: Database, sql_dir: Path, tmp_path: Path) -> None:
    first, second = "20990101000000_add_note", "20990101000001_add_other"
    write(sql_dir, first, "alter table public.users add column note text;")
    write(sql_dir, second, "alter table public.users add column other text;")
    now, zone = counting.one("select now() at time zone reset_val, reset_val from pg_settings where name = 'TimeZone'")
    ends = now.replace(microsecond=0) + timedelta(seconds=7)
    until = f"{ends:%H:%M:%S}"
    command = [sys.executable, "-m", "chatschema", "migrate", "--until", until, "--url", counting.url, "--sql-dir", str(sql_dir)]
    with holding(counting, "select count(*) from public.users") as pid:
        done = subprocess.run(
            command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip
        after = counting.one("select now() at time zone %s", zone) - ends
    assert done.returncode == 5, done.stderr
    assert "error[lock.until]" in done.stderr
    assert f"it is past {until} ({zone}), so no other try was begun; blocked by pid {pid}" in done.stderr
    assert f"2 migrations remain: {first}, {second}" in done.stderr
    assert timedelta(seconds=-1) < after < timedelta(seconds=3)
    assert applied(counting) == IDS


@long
def test_no_index_of_a_month_is_begun_after_the_time_is_over(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    now = aged.one(LOCAL_TIME)
    ends = now.replace(microsecond=0) + timedelta(seconds=6)
    with aged.connect() as writer:
        writer.execute(f"begin; lock table {FEBRUARY} in row exclusive mode")
        with migrating((*options, "--until", f"{ends:%H:%M:%S}")) as process:
            until(aged, WAITING, process)
            time.sleep(
                max(
                    (ends - aged.one(LOCAL_TIME)).total_seconds(),
                    0,
                )
            )
            writer.execute("commit")
            _, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert "error[lock.until]" in err
    assert len(left(aged)) == 1, "February is built, and no other month"
    assert cli("migrate", *options).code == 0
    assert_whole(aged)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[locks]\ntimeout = 1", "config.unknown"),
        ('[locks]\ntimeout = "1"', "config.locks"),
        ('[locks]\npause = "2h"', "config.locks"),
        ("[locks]\nattempts = 0", "config.locks"),
        ("[locks]\nretries = 3", "config.unknown"),
    ],
)
def test_a_wrong_setting_is_refused(cli: Cli, tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "chatschema.toml").write_text(text)
    refused = cli("migrate", "--url", "postgresql://nobody@127.0.0.1:1/none")
    assert refused.code == 2
    assert f"error[{code}]" in refused.err
    assert re.search(r"\[locks\] (timeout|pause|attempts|retries) = ", refused.err)


@pytest.mark.parametrize("line", ["lock-timeout: soon", "lock-timeout: 1h", "lock-attempts: many", "lock-attempts: 0"])
def test_a_wrong_header_is_refused_before_anything_runs(cli: Cli, migrated: Database, sql_dir: Path, line: str) -> None:
    write(sql_dir, NEXT, f"-- {line}\nalter table public.users add column note text;")
    refused = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert refused.code == 1
    assert "error[file.header]" in refused.err
    assert f"{NEXT}.sql: {line.split(':', maxsplit=1)[0]}" in refused.err
    assert applied(migrated) == IDS


def test_a_wrong_time_is_a_wrong_usage(cli: Cli, migrated: Database) -> None:
    for text in ("6:00", "24:00", "06:60", "tomorrow"):
        refused = cli("migrate", "--until", text, "--url", migrated.url)
        assert refused.code == 2
        assert "error[usage.time]" in refused.err
