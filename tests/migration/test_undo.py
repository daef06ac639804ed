"""undo: last applied first, whole or not at all."""

import os
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import LONG, long

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
# The last one of the newest file in tests/upgrades/.
RELEASED = "20261123000002_create_retired_months"
NEWEST = 4


@long
def test_undo_and_migrate_again_leave_the_same_dump(cli: Cli, empty: Database) -> None:
    assert cli("migrate", "--url", empty.url).code == 0
    full = dump(empty)
    assert cli("undo", "--all", "--yes", "--url", empty.url).code == 0
    nothing = dump(empty)
    assert "CREATE TABLE" not in nothing
    for _ in range(2 if FULL else 1):
        assert cli("migrate", "--url", empty.url).code == 0
        assert dump(empty) == full
        assert cli("undo", "--all", "--yes", "--url", empty.url).code == 0
        assert dump(empty) == nothing


def test_each_migration_goes_down_and_up_alone(cli: Cli, empty: Database) -> None:
    """In full all of them, and up once more; with `make test-long` those that no release has; otherwise the newest."""
    first = 0 if FULL else IDS.index(RELEASED) if LONG else len(IDS) - NEWEST
    dumps = {}
    for number in range(first, len(IDS)):
        assert cli("migrate", "--to", IDS[number], "--url", empty.url).code == 0
        dumps[number] = dump(empty)
    for number in range(len(IDS) - 1, first, -1):
        result = cli("undo", "--url", empty.url)
        assert (result.code, result.out.split()[1]) == (0, IDS[number])
        assert dump(empty) == dumps[number - 1]
    for number in range(1, len(IDS)) if FULL else ():
        assert cli("migrate", "--to", IDS[number], "--url", empty.url).code == 0
        assert dump(empty) == dumps[number]
    assert cli("undo", "--to", IDS[0], "--url", empty.url).code == 0
    assert not FULL or dump(empty) == dumps[0]


def test_undo_goes_by_the_order_of_applying(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, "20990103000000_add_b", "create table public.b (i int);", "drop table public.b;")
    assert cli("migrate", *options).code == 0
    write(sql_dir, "20990104000000_add_c", "create table public.c (i int);", "drop table public.c;")
    assert cli("migrate", *options).code == 0
    result = cli("undo", "--steps", "2", *options)
    assert [line.split()[1] for line in result.out.splitlines()] == ["20990104000000_add_c", "20990103000000_add_b"]
    assert cli("undo", "--to", IDS[-1], *options).out == "nothing to undo\n"


def test_undo_without_a_rollback_is_refused_before_anything_is_undone(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "create table public.note (i int);")
    write(sql_dir, "20990102000000_add_more", "create table public.more (i int);", "drop table public.more;")
    assert cli("migrate", *options).code == 0
    before = dump(migrated)
    result = cli("undo", "--steps", "2", *options)
    assert result.code == 1
    assert f"{NEXT} has no rollback" in result.err
    assert dump(migrated) == before


def test_a_rollback_that_fails_half_way_leaves_everything(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "create table public.note (i int);", "drop table public.note;\ndrop table public.nowhere;\n")
    assert cli("migrate", *options).code == 0
    before = dump(migrated)
    result = cli("undo", *options)
    assert result.code == 1
    assert f"{NEXT}.rollback.sql line 2" in result.err
    assert dump(migrated) == before
    assert applied(migrated)[-1] == NEXT


@pytest.mark.parametrize("arguments", [("--steps", "1", "--all"), ("--to", "x", "--all"), ("--steps", "0")])
def test_contradicting_options_are_wrong_usage(cli: Cli, migrated: Database, arguments: tuple[str, ...]) -> None:
    assert cli("undo", *arguments, "--url", migrated.url).code == 2
