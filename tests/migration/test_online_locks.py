"""Triggers and functions of busy tables are dropped, and migrations undone, while people talk; within three tries."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.support import released
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.load import prepare, running
from tests.support.migrations import IDS, applied, write
from tests.support.pace import LONG, long

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
ROUNDS, MONTHS, MESSAGES = (20, 24, 20_000) if IS_FULL else (2, 6, 1000)
TRIES = 3
# The last migration after which all three scripts of the clients work without the tables that are dropped.
FIRST_OF_STATUSES = "20241217000007_create_message_statuses_table"
# A sequence keeps its value after a rollback: it counts the tries of a file that has its number in it.
TRIGGERS = """
    create sequence public.tries_{0};
    create function public.noop_{0}() returns trigger language plpgsql as 'begin return new; end';
    create trigger aa_noop_{0} before insert on public.messages for each row execute function public.noop_{0}();
    create trigger aa_noop_{0} before insert on public.message_statuses for each row execute function public.noop_{0}();
    create trigger ab_noop_{0} before update on public.messages for each row execute function public.noop_{0}();
"""


def tries(stderr: str) -> int:
    """Return how many attempts the run took that needed the most; only the first two and each tenth are printed."""
    return max((n + 1 for n in range(1, 30) if f"(attempt {n} of" in stderr), default=1)


@pytest.fixture
def busy(migrated: Database) -> Database:
    """A database with past months full of messages."""
    past = [f"{month:%Y-%m}" for month in released.make_months(migrated, MONTHS)]
    prepare(migrated, dict.fromkeys(past, MESSAGES))
    return migrated


DROPS = ["drop trigger ab_noop_{0} on public.messages", "drop function public.noop_{0}() cascade"]


@pytest.mark.parametrize("statement", DROPS if LONG else DROPS[:1])
def test_a_trigger_is_dropped_under_load(cli: Cli, busy: Database, sql_dir: Path, tmp_path: Path, statement: str) -> None:
    for number in range(ROUNDS):
        busy.run(TRIGGERS.format(number))
    options = ("--url", busy.url, "--sql-dir", str(sql_dir))
    taken: list[int] = []
    waits: list[tuple[float, float]] = []
    (tmp_path / "load").mkdir()
    with running(busy, tmp_path / "load") as clients:
        time.sleep(1)
        quiet = (time.time() - 1, time.time())
        for number in range(ROUNDS):
            write(
                sql_dir,
                f"209901010000{number:02}_drop_noop",
                f"-- lock-attempts: {TRIES}\nselect nextval('public.tries_{number}');\n{statement.format(number)};",
            )
            began = time.time()
            done = cli("migrate", *options)
            waits.append((began, time.time()))
            assert done.code == 0, done.err
            taken.append(max(tries(done.err), busy.one(f"select last_value from public.tries_{number}")))
    longest = max(clients.longest(*span) for span in waits) * 1000
    print(f"{ROUNDS} of {ROUNDS} within {max(taken)} tries: {taken}; {len(clients.transactions)} transactions;"
          f" longest wait {longest:.0f} ms, {clients.longest(*quiet) * 1000:.0f} ms before")  # fmt: skip
    assert max(taken) <= TRIES
    assert clients.failed == 0
    assert busy.one("select deadlocks from pg_stat_database where datname = current_database()") == 0


def test_a_rollback_that_drops_triggers_runs_under_load(cli: Cli, busy: Database, sql_dir: Path, tmp_path: Path) -> None:
    name = "20990101000000_create_noop"
    apply, rollback = TRIGGERS.format(0), "drop function public.noop_0() cascade; drop sequence public.tries_0;"
    write(sql_dir, name, f"-- lock-attempts: {TRIES}\n{apply}", f"-- lock-attempts: {TRIES}\n{rollback}")
    options = ("--url", busy.url, "--sql-dir", str(sql_dir))
    taken: list[int] = []
    (tmp_path / "load").mkdir()
    with running(busy, tmp_path / "load") as clients:
        for number in range(ROUNDS):
            done = cli("migrate", *options)
            assert done.code == 0, done.err
            # Without --yes the rollback runs twice: its losses are found by running it.
            undone = cli("undo", *(("--yes",) if number % 2 else ()), *options)
            assert undone.code == 0, undone.err
            taken += [tries(done.err), tries(undone.err)]
    print(f"{len(taken)} of {len(taken)} within {max(taken)} tries: {taken}")
    assert max(taken) <= TRIES
    assert clients.failed == 0


@long
def test_every_migration_is_undone_under_load(cli: Cli, busy: Database, tmp_path: Path) -> None:
    taken: dict[str, int] = {}
    (tmp_path / "load").mkdir()
    (tmp_path / "chatschema.toml").write_text(f"[locks]\nattempts = {TRIES}\n")
    with running(busy, tmp_path / "load") as clients:
        time.sleep(1)
        while (last := applied(busy)[-1]) > FIRST_OF_STATUSES and (IS_FULL or len(taken) < 15):
            undone = cli("undo", "--yes", "--url", busy.url)
            assert undone.code == 0, undone.err
            taken[last] = tries(undone.err)
    assert clients.failed == 0
    assert busy.one("select deadlocks from pg_stat_database where datname = current_database()") == 0
    if not IS_FULL:
        assert max(taken.values()) <= TRIES, taken
        return
    # Where the tables go as well, so do the clients' statements: only a deadlock and a timeout are failures.
    with talking(busy) as talk:
        while left := applied(busy):
            undone = cli("undo", "--yes", "--url", busy.url)
            assert undone.code == 0, undone.err
            taken[left[-1]] = tries(undone.err)
    print(f"{len(taken)} migrations undone, in at most {max(taken.values())} tries; {talk.done} reads of dropped tables")
    assert set(taken) == set(IDS)
    assert max(taken.values()) <= TRIES, taken
    assert not talk.failures
    assert talk.done > 20


@dataclass
class Talk:
    done: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def talking(database: Database) -> Iterator[Talk]:
    """Let two clients read and write the tables of a conversation as long as they exist."""
    talk, is_over = Talk(), threading.Event()
    queries = (
        "select count(*) from public.messages as m join public.conversations as c on c.id = m.conversation_id where m.id is null",
        "select count(*) from public.message_statuses as s join public.messages as m on m.id = s.message_id where m.id is null",
        "update public.users set status = status where username = 'load-1'",
        "insert into public.conversation_participants (conversation_id, user_id)"
        " select c.id, u.id from public.conversations as c, public.users as u where c.title = 'load-1' and u.username = 'load-1'"
        " on conflict do nothing",
    )

    def talk_on() -> None:
        with database.connect() as connection:
            while not is_over.wait(0.01):
                for query in queries:
                    try:
                        connection.execute(query.encode())
                        talk.done += 1
                    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
                        pass
                    except psycopg.Error as error:
                        talk.failures.append(str(error))

    threads = [threading.Thread(target=talk_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield talk
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
