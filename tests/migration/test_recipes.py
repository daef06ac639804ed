"""Each recipe on a database with months and rows, forward and back, beside clients and killed: the end is that of the direct change.

In the suite on three months; on 24, under load and killed at each statement with `make test-recipes`.
"""

import os
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from tests.partition.test_retire_kill import wait_until_nobody_works
from tests.support import ROOT, load
from tests.support.database import Database, create
from tests.support.killing import killed, steps_of
from tests.support.migrations import applied
from tests.support.recipe_cases import CASES, Case
from tests.support.recipes import Written, migrate, normal, prepared, undo, write
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MONTHS, MESSAGES_A_MONTH = (24, 20_000) if FULL else (3, 100)
SMALL = ("key by months", "rename a table")  # one with do blocks and months, one with two phases
# The lock timeout, and room for a machine that is busy.
PATIENCE_S = 1.5


@pytest.fixture(scope="module")
def full_template(server: PgServer, migrated_template: str) -> Iterator[str]:
    for database in create(server, "recipes_template", migrated_template):
        prepared(database, MESSAGES_A_MONTH, MONTHS)
        yield database.name


@pytest.fixture(scope="module")
def few_template(server: PgServer, migrated_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The same with few rows: a database is copied for each statement at which a run is killed."""
    if not FULL:
        yield request.getfixturevalue("full_template")
        return
    for database in create(server, "recipes_few", migrated_template):
        prepared(database, 100, 3)
        yield database.name


@pytest.fixture
def full(server: PgServer, full_template: str) -> Iterator[Database]:
    """A database with months of messages."""
    yield from create(server, "recipes_full", full_template)


def directly(server: PgServer, template: str, cases: Sequence[Case]) -> str:
    """Return the normal form of what the direct changes lead to."""
    for database in create(server, "recipes_direct", template):
        for statement in filter(None, (text for case in cases for text in (case.before, case.direct))):
            database.run(statement)
        found = normal(database)
    return found


def begun(cases: Sequence[Case], database: Database, folder: Path) -> Written:
    for case in cases:
        if case.before:
            database.run(case.before)
    return write(cases, database, folder)


# In the suite all of them in one database: a dump takes longer than a recipe.
@pytest.mark.parametrize("cases", [(case,) for case in CASES] if FULL else [CASES], ids=lambda cases: cases[0].name)
def test_the_end_is_that_of_the_direct_change_and_undo_leads_back(
    server: PgServer, full_template: str, full: Database, tmp_path: Path, cases: tuple[Case, ...]
) -> None:
    expected = directly(server, full_template, cases)
    written = begun(cases, full, tmp_path)
    before = normal(full)
    done = migrate(full, written, tmp_path)
    assert done.code == 0, done.err
    assert applied(full)[-len(written.ids) :] == written.ids
    assert normal(full) == expected
    undone = undo(full, written, tmp_path)
    assert undone.code == 0, undone.err
    assert normal(full) == before
    if FULL:
        assert migrate(full, written, tmp_path).code == 0
        assert normal(full) == expected


@pytest.mark.parametrize("case", [case for case in CASES if FULL or case.name == "not null"], ids=lambda case: case.name)
def test_the_files_run_on_an_empty_database(
    server: PgServer, migrated: Database, empty: Database, migrated_template: str, tmp_path: Path, case: Case
) -> None:
    expected = directly(server, migrated_template, [case])
    if case.before:
        # What the recipe adds exists already in a new database: the files run where it was removed.
        written = begun([case], migrated, tmp_path)
        assert migrate(migrated, written, tmp_path).code == 0
        assert normal(migrated) == expected
        return
    written = write([case], migrated, tmp_path)
    done = migrate(empty, written, tmp_path)
    assert done.code == 0, done.err
    assert normal(empty) == expected
    assert undo(empty, written, tmp_path).code == 0
    assert normal(empty) == normal(migrated)


@pytest.mark.parametrize("case", [case for case in CASES if FULL or case.name in SMALL], ids=lambda case: case.name)
def test_no_client_fails_or_waits_long(full: Database, tmp_path: Path, case: Case) -> None:
    """The clients of the earlier release work while the expand files run; those of the next one while the contract files do."""
    written = begun([case], full, tmp_path)
    times = []
    with load.running(full, tmp_path / "before", scripts={**load.SCRIPTS, **case.scripts}) as earlier:
        time.sleep(3 if FULL else 0.5)
        times.append(time.time())
        expanded = migrate(full, written, tmp_path, "--phase", "expand")
        times.append(time.time())
    assert expanded.code == 0, expanded.err
    if case.later:
        with load.running(full, tmp_path / "both", scripts={**load.SCRIPTS, **case.scripts, **case.later}) as both:
            time.sleep(3 if FULL else 0.5)
        assert both.failed == 0
    with load.running(full, tmp_path / "after", scripts={**load.SCRIPTS, **case.later}) as later:
        times.append(time.time())
        contracted = migrate(full, written, tmp_path)
        times.append(time.time())
    assert contracted.code == 0, contracted.err
    with load.running(full, tmp_path / "back") as last:
        times.append(time.time())
        undone = undo(full, written, tmp_path)
        times.append(time.time())
    assert undone.code == 0, undone.err
    assert (earlier.failed, later.failed, last.failed) == (0, 0, 0)
    idle, expand = earlier.longest(0, times[0]), earlier.longest(times[0], times[1])
    contract, back = later.longest(times[2], times[3]), last.longest(times[4], times[5])
    print(
        f"\n{case.name}: longest wait of a client: before {idle * 1000:.0f} ms, expand {expand * 1000:.0f} ms in"
        f" {times[1] - times[0]:.1f} s, contract {contract * 1000:.0f} ms in {times[3] - times[2]:.1f} s,"
        f" undo {back * 1000:.0f} ms in {times[5] - times[4]:.1f} s"
    )
    assert max(expand, contract) < PATIENCE_S + idle
    assert case.undo_is_long or back < PATIENCE_S + idle


@pytest.mark.parametrize("mode", ["before", "during"] if FULL else ["during"])
@pytest.mark.parametrize("case", [case for case in CASES if FULL or case.name == SMALL[0]], ids=lambda case: case.name)
def test_killed_at_each_statement_the_next_run_completes_it(
    server: PgServer, few_template: str, tmp_path: Path, case: Case, mode: str
) -> None:
    steps: range | list[int] = [0]
    expected = directly(server, few_template, [case])
    hit = 0
    for database in create(server, "recipes_counted", few_template):
        written = begun([case], database, tmp_path)
        command = ("migrate", "--sql-dir", str(written.sql_dir))
        count = steps_of(command, database, tmp_path)
        steps = range(1, count + 1) if FULL else [count // 2]
    for nth in steps:
        for database in create(server, "recipes_killed", few_template):
            if case.before:
                database.run(case.before)
            hit += killed(nth, mode, command, database, tmp_path).code == -9
            wait_until_nobody_works(database)
            done = migrate(database, written, tmp_path)
            assert done.code == 0, f"killed {mode} step {nth} of {count}: {done.err}"
            assert normal(database) == expected, f"killed {mode} step {nth} of {count}"
    print(f"\n{case.name}: killed {mode} {hit} of {len(steps)} statements, each rerun complete")
    assert hit >= (len(steps) // 2 if FULL else 0)


def test_each_recipe_in_the_document_is_a_test() -> None:
    text = (ROOT / "docs" / "how-to" / "online-changes.md").read_text()
    typed = [tuple(shlex.split(words)) for words in re.findall(r"\| `chatschema new migration --recipe ([^`]+)` \|", text)]
    assert sorted(typed) == sorted(case.arguments for case in CASES)


def test_a_prepared_select_of_all_columns_fails_until_it_is_prepared_again(migrated: Database, tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.name == "column with a default")
    written = begun([case], migrated, tmp_path)
    with migrated.connect() as client:
        client.execute("prepare page as select * from public.messages limit 1; execute page")
        assert migrate(migrated, written, tmp_path).code == 0
        for _ in range(2):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan must not change result type"):
                client.execute("execute page")
        client.execute("deallocate page; prepare page as select * from public.messages limit 1; execute page")


def test_a_month_that_is_created_while_a_key_is_added_gets_it(full: Database, tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.name == "key by months")
    written = begun([case], full, tmp_path)
    assert migrate(full, written, tmp_path, "--to", written.ids[0]).code == 0
    full.run(
        "create table chat_partitions.messages_new partition of public.messages"
        " for values from (chatschema.uuid7_floor('2051-01-01 00:00+00')) to (chatschema.uuid7_floor('2051-02-01 00:00+00'))"
    )
    assert migrate(full, written, tmp_path).code == 0
    without = "select inhrelid::regclass::text from pg_inherits where inhparent = 'public.messages'::regclass except"
    assert full.all(f"{without} select conrelid::regclass::text from pg_constraint where conname = 'messages_sender_id_fkey'") == []
