"""new project --from: the files and the history of other tools are taken over, and the project goes on with chatschema."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chatschema import schema
from chatschema.server import embedded
from tests.support import strangers
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.strangers import APPLIED, COUNT, PROJECTS
from tests.support.verified import is_clean


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    return folder


def shop(database: Database) -> str:
    """Return the DDL of the application's own schema."""
    text = schema.dump(database.url, database.server.version // 10000, programs=embedded.bin_folder())
    return "\n".join(block for block in text.split("\n\n") if "shop." in block)


def convert(cli: Cli, kind: str, *arguments: str, **options: Any) -> Any:
    return cli("new", "project", "theirs", "--from", kind, *arguments, **options)


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_project_goes_on_where_the_other_tool_stopped(cli: Cli, kind: str, theirs: Path, empty: Database, tmp_path: Path) -> None:
    PROJECTS[kind](theirs)
    strangers.apply(kind, empty, theirs)
    done = convert(cli, kind, "--history", "--url", empty.url)
    assert done.code == 0, done.err
    assert done.out == f"{COUNT} migrations converted to sql/migrations\n{APPLIED} of them are recorded as applied\n"
    own = ("--sql-dir", "sql", "--url", empty.url)
    names = cli("new", "migration", "add_last", *own[:2]).out.split()
    (tmp_path / names[0]).write_text("-- last: one more.\ncreate table shop.last (id bigint primary key);\n")
    (tmp_path / names[1]).write_text("drop table shop.last;\n")
    states = [one["state"] for one in cli("status", "--json", *own).json()["migrations"]]
    assert states == ["applied"] * APPLIED + ["pending"] * (COUNT - APPLIED + 1)
    migrated = cli("migrate", *own)
    assert migrated.code == 0, migrated.err
    assert empty.one("select count(*) from pg_class where relnamespace = 'shop'::regnamespace and relname = 'last'") == 1
    checked = cli("status", "--check", *own)
    assert checked.code == 0, checked.out
    # Without the table of the other tool, which chatschema.toml names.
    is_clean(cli, empty)
    undone = cli("undo", "--yes", "--steps", "2", *own)
    assert undone.code == 0, undone.err
    assert cli("migrate", *own).code == 0
    assert cli("lint", "--offline", *own[:2], "--level", "error").code in (0, 3)


@pytest.mark.parametrize("kind", PROJECTS)
def test_the_converted_files_lead_to_the_same_schema(
    cli: Cli, kind: str, theirs: Path, empty: Database, migrated: Database
) -> None:
    PROJECTS[kind](theirs)
    for step in strangers.steps():
        migrated.run(step.up)
    assert convert(cli, kind).code == 0
    done = cli("migrate", "--sql-dir", "sql", "--url", empty.url)
    assert done.code == 0, done.err
    assert shop(empty) == shop(migrated)
    undone = cli("undo", "--all", "--yes", "--sql-dir", "sql", "--url", empty.url)
    assert undone.code == 0, undone.err
    assert empty.one("select to_regnamespace('shop')") is None


def test_a_run_that_was_killed_while_it_wrote_leaves_nothing_half(cli: Cli, theirs: Path, tmp_path: Path) -> None:
    strangers.dbmate(theirs)
    program = (
        "import os, pathlib, signal\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from chatschema.cli import main\nmain()"
    )
    command = [sys.executable, "-c", program, "new", "project", "theirs", "--from", "dbmate"]
    killed = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "sql" / "migrations").exists()
    assert convert(cli, "dbmate").code == 0
    assert sorted(path.name for path in (tmp_path / "sql").iterdir()) == ["lint.toml", "migrations"]


def test_a_number_keeps_the_version(cli: Cli, theirs: Path, tmp_path: Path) -> None:
    strangers.flyway(theirs)
    done = convert(cli, "flyway")
    assert "look at: R__views.sql is repeatable, and was left out" in done.err
    names = sorted(path.name for path in (tmp_path / "sql" / "migrations").glob("*0_add*.sql"))
    assert names[:2] == ["00001001000000_add_item_1.rollback.sql", "00001001000000_add_item_1.sql"]
    text = (tmp_path / "sql" / "migrations" / "00003000000000_add_item_20.sql").read_text()
    assert text.startswith("-- add_item_20: Add item 20; converted from V3__Add_item_20.sql of flyway.\n-- transactional: false\n")


@pytest.mark.parametrize(("kind", "version"), [("sqlx", "20230107120000"), ("flyway", "1_7")])
def test_an_edited_file_is_refused(cli: Cli, kind: str, version: str, theirs: Path, empty: Database) -> None:
    PROJECTS[kind](theirs)
    strangers.apply(kind, empty, theirs)
    path = next(path for path in theirs.iterdir() if path.name.startswith((version, f"V{version}__")) and ".down" not in path.name)
    path.write_text(path.read_text() + "\nselect 1;")
    done = convert(cli, kind, "--history", "--url", empty.url)
    assert done.code == 1
    assert done.err.startswith(f"error[strangers.edited]: {path.name} was edited after {kind} had applied it")
    assert empty.one("select to_regclass('chatschema.migrations')") is None


def test_a_missing_file_and_a_second_history_are_refused(cli: Cli, theirs: Path, empty: Database) -> None:
    strangers.dbmate(theirs)
    strangers.apply("dbmate", empty, theirs)
    gone = next(theirs.glob("20230107*"))
    text = gone.read_text()
    gone.unlink()
    own = ("--history", "--url", empty.url)
    assert "strangers.missing]: dbmate has applied 20230107120000" in convert(cli, "dbmate", *own, "--sql-dir", "one").err
    gone.write_text(text)
    assert convert(cli, "dbmate", *own, "--sql-dir", "one").code == 0
    assert "error[strangers.history]: " in convert(cli, "dbmate", *own, "--sql-dir", "three").err
    assert "error[strangers.not-empty]: " in convert(cli, "dbmate", "--sql-dir", "one").err


def test_what_cannot_be_taken_over_is_said(cli: Cli, theirs: Path, migrated: Database) -> None:
    assert convert(cli, "rails").err.startswith("error[strangers.kind]: there is no converter from rails\n")
    assert "error[strangers.none]: " in convert(cli, "goose").err
    (theirs / "00001_a.sql").write_text("-- +goose Up\nbegin;\nselect 1;\ncommit;\n")
    (theirs / "00002_b.go").write_text("package migrations")
    done = convert(cli, "goose")
    assert done.code == 0
    assert "look at: 00002_b.go is a program, and was left out" in done.err
    assert "begin is not allowed in a migration" in done.err
    (theirs / "000001_twice.sql").write_text("-- +goose Up\nselect 1;\n")
    assert "error[strangers.version]: " in convert(cli, "goose", "--sql-dir", "other").err
    (theirs / "000001_twice.sql").unlink()
    lacking = convert(cli, "dbmate", "--history", "--url", migrated.url, "--sql-dir", "third")
    assert "error[strangers.no-history]: the database has no table public.schema_migrations" in lacking.err
