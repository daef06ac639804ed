"""Each statement does what the dry run foretold: a second session looks at the real run, on months with rows."""

import os
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import load, recipes, released
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.foreseen import Locks, file_with_holds, holds, observe, plain, poll, predicted, strongest, with_holds
from tests.support.migrations import IDS, applied, write
from tests.support.recipe_cases import CASES, Case
from tests.support.servers import PgServer
from tests.support.statements import ORDINARY, Statement

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
DAILY = (
    "add a column", "constant default", "volatile default", "set not null", "check not valid", "column for a key", "foreign key", "trigger", "index",
    "policy", "do", "drop a table",
)  # fmt: skip
AT_ONCE = 4 if IS_FULL else 50
MONTHS, MESSAGES, LEAST_MS = 24, 20_834, 200
NAME = "20990101{:06d}_try"


@dataclass(frozen=True)
class Held:
    """A migration that waits so often, and what to call it."""

    name: str
    id: str
    waits: int


@dataclass(frozen=True)
class Timed:
    """A statement: the milliseconds that were foretold, and those that it took."""

    name: str
    told: float
    took: float

    def __str__(self) -> str:
        return f"{self.name:<40} foretold {self.told:9.1f} ms, took {self.took:9.1f} ms"


@pytest.fixture(scope="session")
def filled_template(server: PgServer, aged_template: str, migrated_template: str) -> Iterator[str]:
    """A database with two small old months; in the full form with 24 that have 500,000 messages and a million statuses."""
    if not IS_FULL:
        yield aged_template
        return
    for database in create(server, f"filled_{uuid.uuid4().hex[:8]}", migrated_template):
        past = [f"{month:%Y-%m}" for month in released.make_months(database, MONTHS)]
        load.prepare(database, dict.fromkeys(past, MESSAGES))
        yield database.name


@pytest.fixture
def filled(server: PgServer, filled_template: str) -> Iterator[Database]:
    yield from create(server, f"filled_{uuid.uuid4().hex[:12]}", filled_template)


def write_all(sql_dir: Path, cases: Sequence[Statement], first: int) -> list[Held]:
    """Write a migration for each case."""
    written, since = [], 0
    for number, case in enumerate(cases, first):
        text = with_holds("-- try: a statement.\n" + case.sql, since=since)
        write(sql_dir, NAME.format(number), text, "select 1;")
        written.append(Held(case.name, NAME.format(number), holds(text)))
        since += holds(text)
    return written


def hold_all(sql_dir: Path, ids: Sequence[str]) -> list[Held]:
    """Let the migrations with these ids wait, except those that wait for more than their statements."""
    written, since = [], 0
    for id in ids:
        path = sql_dir / "migrations" / f"{id}.sql"
        text = path.read_text()
        if not re.search("^-- (transactional|online|batch):", text, re.MULTILINE):
            text = file_with_holds(path, since=since)
            path.write_text(text)
        written.append(Held(id, id, holds(text)))
        since += holds(text)
    return written


def check(cli: Cli, database: Database, sql_dir: Path, tmp_path: Path, written: Sequence[Held]) -> list[Timed]:
    """Foretell these migrations, run them, and compare: locks after each statement, and what they have read and rewritten.

    Return the times of the statements.
    """
    options = ("--sql-dir", str(sql_dir), "--url", database.url)
    dry = cli("migrate", "--dry-run", "--json", "--scratch", "same", *options, timeout=600)
    assert dry.code == 0, dry.err
    document = dry.json()
    assert document["copy"]["problems"] == []
    told = [predicted(document, one.id) for one in written]
    seen = observe(database, sum(one.waits for one in written), ["migrate", *options], tmp_path)
    compare_locks(written, [locks for locks, _, _ in told], seen.locks)
    names = [f"{one.name}, wait {place}" for one in written for place in range(one.waits)]
    rewrites = {table for _, some, _ in told for table in some} & seen.before
    assert rewrites == seen.rewrites, names
    scans = {table for _, _, some in told for table in some} & seen.before
    assert seen.scans <= scans | rewrites, names
    assert scans - joined(document) <= seen.scans | rewrites, names
    estimates = [ms for one in written if one.waits for ms in foretold_ms(document, one.id)]
    return [Timed(name, ms, took * 1000) for name, ms, took in zip(names, estimates, seen.seconds, strict=True) if ms is not None]


def joined(document: Any) -> set[str]:
    """Return the tables that a statement joins: the planner decides by their rows, at the time, whether it reads one of them whole."""
    statements = [one for file in document["pending"] for one in file["statements"]]
    changes = [one for one in statements if re.match(r"(?i)(with|insert|update|delete|merge)\b", one["sql"].lstrip())]
    return {plain(table) for one in changes if len(one["scans"] or ()) > 1 for table in one["scans"]}


def compare_locks(written: Sequence[Held], told: Sequence[Sequence[Locks]], seen: Sequence[Locks]) -> None:
    """Compare the locks at each wait. Before its first statement a file may lock what an earlier pending file creates first."""
    found = iter(seen)
    for one, expected in zip(written, told, strict=True):
        for place, held in enumerate(expected):
            real = next(found)
            if place == 0:
                gentle = {(table, "ShareUpdateExclusiveLock") for table, _ in real}
                assert held <= real, one.name
                assert strongest(real) <= expected[-1] | gentle, one.name
            else:
                assert strongest(held) == strongest(real), f"{one.name}, wait {place}"


def foretold_ms(document: Any, id: str) -> list[float | None]:
    """Return the estimates of the statements between the waits of a migration; None for the first wait, before all of them."""
    (file,) = [one for one in document["pending"] if one["id"] == id]
    times = [one["estimate_ms"] for one in file["statements"]]
    return [None, *times[1::2]]


def test_each_statement_does_what_was_foretold(cli: Cli, filled: Database, sql_dir: Path, tmp_path: Path) -> None:
    cases = [case for case in ORDINARY if filled.server.version >= case.since and (IS_FULL or case.name in DAILY)]
    # A few at a time tell which of them has read a table; all at once takes less time.
    groups = [cases[start : start + AT_ONCE] for start in range(0, len(cases), AT_ONCE)]
    first, times = 0, list[Timed]()
    for group in groups:
        times += check(cli, filled, sql_dir, tmp_path, write_all(sql_dir, group, first))
        first += len(group)
    for one in times:
        print(one)
    if not IS_FULL:
        return
    # A shorter time is mostly that of planning, of sending and of looking.
    assert [str(one) for one in times if max(one.told, one.took) > LEAST_MS and not 1 / 3 <= one.told / one.took <= 3] == []


@pytest.mark.skipif(not IS_FULL, reason="make test-plan")
def test_the_migrations_of_a_release_on_months_with_rows(cli: Cli, empty: Database, sql_dir: Path, tmp_path: Path) -> None:
    past = [f"{month:%Y-%m}" for month in released.load(empty, released.RELEASES[-1], past=3)]
    load.prepare(empty, dict.fromkeys(past, MESSAGES))
    done = set(applied(empty))
    check(cli, empty, sql_dir, tmp_path, hold_all(sql_dir, [id for id in IDS if id not in done]))


@pytest.mark.skipif(not IS_FULL, reason="make test-plan")
def test_the_migrations_of_a_new_database(cli: Cli, empty: Database, sql_dir: Path, tmp_path: Path) -> None:
    assert cli("migrate", "--to", IDS[0], "--sql-dir", str(sql_dir), "--url", empty.url).code == 0
    check(cli, empty, sql_dir, tmp_path, hold_all(sql_dir, IDS[1:]))


@pytest.mark.skipif(not IS_FULL, reason="make test-plan")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_files_of_a_recipe(cli: Cli, filled: Database, tmp_path: Path, case: Case) -> None:
    if case.before:
        filled.run(case.before)
    written = recipes.write([case], filled, tmp_path)
    held = {id: hold_all(written.sql_dir, [id])[0] for id in written.ids}
    waiting = {path: path.read_text() for path in (written.sql_dir / "migrations").glob("*.sql") if path.stem[:14] > IDS[-1][:14]}
    for path in waiting:
        path.unlink()
    # One after the other, as each is planned on the structure that those before it have left.
    for id in written.ids:
        for path, text in waiting.items():
            if path.name.startswith(id):
                path.write_text(text)
        if held[id].waits:
            check(cli, filled, written.sql_dir, tmp_path, [Held(f"{case.name}, {id}", id, held[id].waits)])
        else:
            poll_one(cli, filled, written.sql_dir, tmp_path, id)


def poll_one(cli: Cli, database: Database, sql_dir: Path, tmp_path: Path, id: str) -> None:
    """Run a migration that waits for more than its statement: what was foretold is seen, and nothing stronger."""
    options = ("--sql-dir", str(sql_dir), "--url", database.url)
    document = cli("migrate", "--dry-run", "--json", "--scratch", "same", *options, timeout=600).json()
    (file,) = [one for one in document["pending"] if one["id"] == id]
    told = {(plain(lock["relation"]), lock["mode"]) for one in file["statements"] for lock in one["locks"]}
    seen = poll(database, ["migrate", *options], tmp_path)
    print(f"{id}: told {sorted(told)}")
    assert told <= seen
    tables = {table for table, _ in told}
    assert {one for one in seen if one[1] == "AccessExclusiveLock" and one[0] in tables} <= told


def test_an_observer_that_sees_another_lock_is_noticed() -> None:
    assert strongest({("a", "ShareUpdateExclusiveLock"), ("a", "ShareLock")}) == {
        ("a", "ShareUpdateExclusiveLock"),
        ("a", "ShareLock"),
    }
    assert strongest({("a", "RowExclusiveLock"), ("a", "AccessExclusiveLock")}) == {("a", "AccessExclusiveLock")}
    assert with_holds("-- a\nselect 1;\n\nselect 2;\n").count("pg_advisory_xact_lock") == 3
