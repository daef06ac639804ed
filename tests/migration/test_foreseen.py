"""Each statement does what the dry run foretold: a second session looks at the real run, on months with rows."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.foreseen import holds, observe, predicted, strongest, with_holds
from tests.support.migrations import write
from tests.support.statements import ORDINARY, Statement

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
DAILY = (
    "add a column", "constant default", "volatile default", "set not null", "check not valid", "column for a key", "foreign key", "trigger", "index",
    "policy", "do", "drop a table",
)  # fmt: skip
NAME = "20990101{:06d}_try"


def write_all(sql_dir: Path, cases: Sequence[Statement], first: int) -> list[tuple[str, int]]:
    """Write a migration for each case; return the ids, and how often each waits."""
    written, since = [], 0
    for number, case in enumerate(cases, first):
        text = with_holds("-- try: a statement.\n" + case.sql, since=since)
        write(sql_dir, NAME.format(number), text, "select 1;")
        written.append((NAME.format(number), holds(text)))
        since += holds(text)
    return written


def check(cli: Cli, database: Database, sql_dir: Path, tmp_path: Path, first: int, cases: Sequence[Statement]) -> None:
    """Foretell these migrations, run them, and compare: locks after each statement, and what they have read and rewritten."""
    written = write_all(sql_dir, cases, first)
    options = ("--sql-dir", str(sql_dir), "--url", database.url)
    dry = cli("migrate", "--dry-run", "--json", "--scratch", "same", *options)
    assert dry.code == 0, dry.err
    document = dry.json()
    assert [one for one in document["copy"]["problems"] if "20990101" in one] == []
    told = [predicted(document, id) for id, _ in written]
    seen = observe(database, sum(count for _, count in written), ["migrate", *options], tmp_path)
    expected = [held for locks, _, _ in told for held in locks]
    names = [case.name for case, (_, count) in zip(cases, written, strict=True) for _ in range(count)]
    for name, held, found in zip(names, expected, seen.locks, strict=True):
        assert strongest(held) == strongest(found), name
    rewrites = {table for _, some, _ in told for table in some}
    assert rewrites == seen.rewrites, names
    assert {table for _, _, some in told for table in some} | rewrites == seen.scans | rewrites, names


def test_each_statement_does_what_was_foretold(cli: Cli, aged: Database, sql_dir: Path, tmp_path: Path) -> None:
    cases = [case for case in ORDINARY if aged.server.version >= case.since and (IS_FULL or case.name in DAILY)]
    # One at a time tells which of them has read a table; all at once takes a tenth of the time.
    groups = [[case] for case in cases] if IS_FULL else [cases]
    first = 0
    for group in groups:
        check(cli, aged, sql_dir, tmp_path, first, group)
        first += len(group)


def test_an_observer_that_sees_another_lock_is_noticed() -> None:
    assert strongest({("a", "ShareUpdateExclusiveLock"), ("a", "ShareLock")}) == {
        ("a", "ShareUpdateExclusiveLock"),
        ("a", "ShareLock"),
    }
    assert strongest({("a", "RowExclusiveLock"), ("a", "AccessExclusiveLock")}) == {("a", "AccessExclusiveLock")}
    assert with_holds("-- a\nselect 1;\n\nselect 2;\n").count("pg_advisory_xact_lock") == 2
