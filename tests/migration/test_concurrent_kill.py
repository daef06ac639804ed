"""Concurrent statements, cut off at every statement around them, in either direction: the next run of the same command ends it."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import LONG

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SETUP = """
create table public.note (id int primary key, t text default 'x', p int);
insert into public.note (id) select generate_series(1, 200);
create index note_spare on public.note (t);
create materialized view public.notes as select * from public.note;
create unique index notes_key on public.notes (id);
create table public.part (id int) partition by range (id);
create table public.part_1 partition of public.part for values from (1) to (10);
"""
# The statement, what was there before it, what is there after it, and how its opposite undoes it.
INDEXES = "select string_agg(indexrelid::regclass || case when indisvalid then '' else ' invalid' end, ' ' order by indexrelid::regclass::text) from pg_index where indrelid = 'public.note'::regclass"
PARTS = "select count(*) || ' ' || coalesce(bool_or(inhdetachpending)::text, '') from pg_inherits where inhparent = 'public.part'::regclass"
KINDS = {
    "create": ("create index concurrently note_t on public.note (t)", "drop index public.note_t", INDEXES, "note_pkey note_spare note_t"),
    "drop": ("drop index concurrently public.note_spare", "create index note_spare on public.note (t)", INDEXES, "note_pkey"),
    "reindex index": ("reindex index concurrently public.note_spare", "select 1", INDEXES, "note_pkey note_spare"),
    "reindex table": ("reindex (verbose) table concurrently public.note", "select 1", INDEXES, "note_pkey note_spare"),
    "refresh": ("refresh materialized view concurrently public.notes", "select 1", "select count(*)::text from public.notes", "200"),
    "detach": ("alter table public.part detach partition public.part_1 concurrently", "alter table public.part attach partition public.part_1 for values from (1) to (10)", PARTS, "0 "),
}  # fmt: skip
POINTS: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _points() -> Iterator[None]:
    yield
    print(f"\n{len(POINTS)} points hit")


def prepare(sql_dir: Path, kind: str, direction: str) -> None:
    statement, back, _, _ = KINDS[kind]
    alone = f"-- transactional: false\n{statement};\n"
    if direction == "migrate":
        write(sql_dir, NEXT, alone, back + ";\n")
    else:
        write(sql_dir, NEXT, back + ";\n", alone)


def blocked(database: Database) -> Iterator[None]:
    """Keep a concurrent statement waiting, with what it has begun in place, until its server process has gone."""
    with database.connect() as blocker:
        blocker.execute("begin; lock table public.note, public.part in row exclusive mode")
        yield
        for _ in range(400):
            if not database.one(
                "select count(*) from pg_stat_activity where application_name = 'chatschema' and datname = current_database()"
            ):
                break
            time.sleep(0.02)


def agreed(command: str) -> tuple[str, ...]:
    """Return the command with the word for what cannot be seen beforehand, such as which rows a detach takes out of sight."""
    return (command, "--yes") if command == "undo" else (command,)


def run_and_die(cli: Cli, command: str, options: tuple[str, ...], order: str, database: Database) -> Result:
    holder = blocked(database) if order.endswith("during") else iter([None])
    next(holder)
    result = cli(*agreed(command), *options, env={"CHATSCHEMA_TEST_DYING": order})
    next(holder, None)
    return result


def orders(cli: Cli, command: str, options: tuple[str, ...], database: Database, path: Path, statement: str) -> list[str]:
    """Return when who is to die; by a run that counts, and is taken back."""
    assert cli(*agreed(command), *options, env={"CHATSCHEMA_TEST_DYING": f"count {path}"}).code == 0
    texts = path.read_text().splitlines()
    own = next(n for n, text in enumerate(texts, 1) if text.startswith(statement[:40]))
    few = [f"{own} server after", f"{own} client during"]
    every = [f"{n} {who} {when}" for n in range(1, len(texts) + 1) for who in ("client", "server") for when in ("before", "after")]
    return [*few, *every] if FULL else few


@pytest.mark.parametrize("direction", ["migrate", "undo"])
@pytest.mark.parametrize("kind", KINDS if LONG else ["create", "detach"])
def test_a_concurrent_statement_that_was_cut_off_is_finished_by_the_next_run(
    cli: Cli, migrated: Database, sql_dir: Path, kind: str, direction: str
) -> None:
    migrated.run(SETUP)
    prepare(sql_dir, kind, direction)
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    statement, _, look, expected = KINDS[kind]
    other = "undo" if direction == "migrate" else "migrate"
    if direction == "undo":
        # Its opposite is applied by hand where the setup has done it already.
        migrated.run(SETUP_FOR_UNDO.get(kind, "select 1"))
        assert cli("migrate", *options).code == 0
    for order in orders(cli, direction, options, migrated, sql_dir / "count", statement):
        assert cli(other, *options).code == 0
        cut = run_and_die(cli, direction, options, order, migrated)
        POINTS.append(order)
        if migrated.one("select count(*) from chatschema.migrations where state = 'running'") and (FULL or "during" in order):
            assert cli("status", *options).out.splitlines()[-1] == f"next: chatschema {direction}"
            refused = cli(other, *options)
            assert (refused.code, f"chatschema {direction}" in refused.err) == (1, True), refused.err
        if cut.code:
            result = cli(*agreed(direction), *options)
            assert result.code == 0, f"{order}: {result.err}"
        assert migrated.one(look) == expected, order
        assert applied(migrated) == ([*IDS, NEXT] if direction == "migrate" else IDS), order
        assert migrated.all("select 1 from chatschema.migrations where state = 'running'") == []


# What the forward statement of the pair makes anew.
SETUP_FOR_UNDO = {
    "create": "create index note_t on public.note (t)",
    "drop": "drop index public.note_spare",
    "detach": "alter table public.part detach partition public.part_1",
}


def test_what_is_said_of_a_run_that_was_cut_off(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run(SETUP + SETUP_FOR_UNDO["create"])
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    prepare(sql_dir, "create", "undo")
    assert cli("migrate", *options).code == 0
    names = {migrated.name: "chat", str(sql_dir): "sql"}
    assert run_and_die(cli, "undo", options, "2 client during", migrated).code == -9
    golden.check("cut_off_undo_migrate", cli("migrate", *options), names)
    golden.check("cut_off_undo_continued", cli("undo", *options), names)
    write(
        sql_dir, NEXT, "-- transactional: false\ncreate index concurrently note_u on public.note (t);", "drop index public.note_u;"
    )
    assert run_and_die(cli, "migrate", options, "2 client during", migrated).code == -9
    golden.check("cut_off_migrate_undo", cli("undo", *options), names)
    golden.check("cut_off_migrate_continued", cli("migrate", *options), names)
    assert cli("undo", *options).code == 0
    counted = sql_dir / "count"
    assert cli("migrate", *options, env={"CHATSCHEMA_TEST_DYING": f"count {counted}"}).code == 0
    assert cli("undo", *options).code == 0
    own = next(n for n, text in enumerate(counted.read_text().splitlines(), 1) if text.startswith("create index"))
    assert run_and_die(cli, "migrate", options, f"{own} client after", migrated).code == -9
    for path in (sql_dir / "migrations").glob(f"{NEXT}*"):
        path.unlink()
    golden.check("cut_off_migrate_lost", cli("migrate", *options), names)


def test_a_statement_that_was_refused_is_not_taken_for_one_that_was_cut_off(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run(SETUP)
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "-- transactional: false\ncreate index concurrently note_spare on public.note (id);")
    for _ in range(2):
        refused = cli("migrate", *options)
        assert (refused.code, "already exists" in refused.err) == (1, True), refused.err
    assert "interrupted" not in cli("status", *options).out
    write(sql_dir, NEXT, "-- transactional: false\ncreate index concurrently on public.note (id);")
    golden.check("index_without_name", cli("migrate", *options))


def test_a_reindex_that_failed_leaves_no_copy_behind(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run(SETUP)
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    prepare(sql_dir, "reindex table", "migrate")
    cut = run_and_die(cli, "migrate", options, "2 server during", migrated)
    assert cut.code != 0
    assert re.search("_cc(new|old) invalid", migrated.one(INDEXES))
    assert cli("migrate", *options).code == 0
    assert migrated.one(INDEXES) == "note_pkey note_spare"


def test_a_concurrent_statement_says_within_seconds_whom_it_waits_for(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run(SETUP)
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    prepare(sql_dir, "create", "migrate")
    with migrated.connect() as blocker:
        blocker.execute("set application_name = 'a report'; begin; lock table public.note in row exclusive mode")
        pid = blocker.info.backend_pid
        released = threading.Timer(20, blocker.execute, ("commit",))
        released.start()
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate", *options], env=clean_environment(), stderr=subprocess.PIPE, text=True
        )
        assert running.stderr
        waits = "select count(*) from pg_stat_activity where query ~ '^create index concurrently' and wait_event_type = 'Lock'"
        while not migrated.one(waits):
            time.sleep(0.02)
        started = time.monotonic()
        said = [next(line for line in running.stderr if "waiting for a lock" in line)]
        assert time.monotonic() - started < 10, "said within two seconds on a machine that is not busy"
        released.cancel()
        blocker.execute("commit")
        said += [line for line in running.communicate(timeout=60)[1].splitlines() if "waiting for a lock" in line]
    assert running.returncode == 0
    assert len(said) == 1
    assert said[0].startswith(f"{NEXT}: waiting for a lock; blocked by pid {pid} (a report, user postgres, idle in transaction")
