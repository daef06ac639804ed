"""A migration that drops the run's lock, or the settings of its session, is refused: before it runs where that can be read."""

from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import NEXT, write


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("-- note: x.\nselect 1;\n\ndiscard all;", 4, "discard all"),
        ("select 1;\nRESET  ALL;", 2, "reset all"),
        ("-- transactional: false\ndiscard all;", 2, "discard all"),
        ("select pg_advisory_unlock_all ();", 1, "pg_advisory_unlock_all"),
    ],
)
def test_a_plain_statement_is_refused_before_anything_runs(
    cli: Cli, migrated: Database, sql_dir: Path, text: str, line: int, says: str
) -> None:
    write(sql_dir, "20981231000000_create_first", "create table first (i int);")
    write(sql_dir, NEXT, text)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    code = "settings" if "reset" in says else "unlock"
    assert result.err.startswith(f"error[migration.{code}]: {NEXT}.sql line {line}: {says} is not allowed in a migration\n")
    assert "nothing to do" not in result.out
    assert migrated.one("select to_regclass('first') is null")


@pytest.mark.parametrize("kind", ["unlocks", "resets"])
def test_what_a_function_does_is_found_before_the_commit(cli: Cli, migrated: Database, sql_dir: Path, kind: str) -> None:
    statement = {"unlocks": "perform pg_advisory_unlock_all();", "resets": "execute 'reset all';"}[kind]
    text = f"create table note (i int);\ndo $$ begin {statement} end $$;\n"
    write(sql_dir, NEXT, text, "drop table note;\n")
    before = dump(migrated)
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    result = cli("migrate", *options)
    golden.check(f"migration_{kind}", result)
    assert dump(migrated) == before
    # And of a rollback.
    write(sql_dir, NEXT, "create table note (i int);\n", f"drop table note;\ndo $$ begin {statement} end $$;\n")
    assert cli("migrate", *options).code == 0
    undone = cli("undo", *options)
    assert (undone.code, undone.err) == (1, result.err.replace(f"{NEXT}.sql", f"{NEXT}.rollback.sql"))
    assert migrated.one("select to_regclass('note') is not null")


def test_a_statement_that_stands_alone_is_not_recorded(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run("create procedure unlock() language plpgsql as $$ begin perform pg_advisory_unlock_all(); commit; end $$")
    write(sql_dir, NEXT, "-- transactional: false\ncall public.unlock();\n")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert f"{NEXT}.sql released the migration lock" in result.err
    assert f"{NEXT} is interrupted" in cli("status", "--json", "--url", migrated.url, "--sql-dir", str(sql_dir)).out


def test_locks_of_the_files_own_and_single_settings_are_its_business(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, """
        select pg_advisory_lock(7); select pg_advisory_unlock(7); set datestyle = 'German'; reset datestyle; discard plans;
        create function note() returns void language plpgsql as $$ begin perform pg_advisory_unlock_all(); end $$;
    """)  # fmt: skip
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err
