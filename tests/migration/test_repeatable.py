"""Repeatable files: run when their text changes, after the migrations, in the order in which they need each other."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import applied, write
from tests.support.verified import names, verified

BASE, LATER = "20990101000000_create_people", "20990101000001_add_age"
PEOPLE = "-- people: who.\n-- Why: a test.\n-- Risk: none.\ncreate table public.people (id int primary key, name text);\n"
# By name the view is first, and the function that it needs last.
VIEW = "-- adults: who may.\ncreate or replace view public.adults as select id, public.shown(name) as name from public.people;\n"
SHOWN = "-- shown: a name.\ncreate or replace function public.shown(name text) returns text language sql immutable as $$ select upper(name) $$;\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "migrations").mkdir(parents=True)
    write(folder, BASE, PEOPLE, "drop table public.people;")
    put(folder, "R_adults", VIEW)
    put(folder, "R_shown", SHOWN)
    return folder


def put(folder: Path, name: str, text: str) -> None:
    (folder / "migrations" / f"{name}.sql").write_text(text)


def run(cli: Cli, database: Database, files: Path, *command: str, code: int = 0) -> Result:
    result = cli(*command, "--sql-dir", str(files), "--url", database.url)
    assert result.code == code, result.out + result.err
    return result


def ran(result: Result) -> list[str]:
    """Return what was applied, in its order."""
    return [line.split()[1] for line in result.out.splitlines() if line.startswith("applied ")]


def states(cli: Cli, database: Database, files: Path) -> dict[str, str]:
    return {one["id"]: one["state"] for one in run(cli, database, files, "status", "--json").json()["migrations"]}


def test_they_run_after_the_migrations_and_only_when_their_text_changes(cli: Cli, empty: Database, files: Path) -> None:
    assert ran(run(cli, empty, files, "migrate")) == [BASE, "R_shown", "R_adults"]
    assert run(cli, empty, files, "migrate").out == f"nothing to do: {BASE} is applied\n"
    assert applied(empty) == [BASE]
    empty.run("insert into public.people values (1, 'ann')")
    put(files, "R_shown", SHOWN.replace("upper", "initcap"))
    assert states(cli, empty, files) == {BASE: "applied", "R_adults": "applied", "R_shown": "pending"}
    checked = run(cli, empty, files, "status", "--check", code=3)
    assert re.search(r"R_shown +pending .* its text has changed since it was run", checked.out)
    write(
        files,
        LATER,
        "-- age: years.\nalter table public.people add column age int;\n",
        "alter table public.people drop column age;",
    )
    assert ran(run(cli, empty, files, "migrate")) == [LATER, "R_shown"]
    assert empty.one("select name from public.adults") == "Ann"
    assert set(states(cli, empty, files).values()) == {"applied"}


def test_they_wait_while_a_migration_is_pending(cli: Cli, empty: Database, files: Path) -> None:
    write(files, LATER, "-- age: years.\nalter table public.people add column age int;\n", "select 1;")
    put(files, "R_adults", VIEW.replace("as name", "as name, age"))
    first = run(cli, empty, files, "migrate", "--to", BASE)
    assert ran(first) == [BASE]
    assert "repeatable files run after the last migration: R_shown, R_adults" in first.err
    assert ran(run(cli, empty, files, "migrate")) == [LATER, "R_shown", "R_adults"]


def test_a_declared_order_counts_and_a_wrong_one_is_refused(cli: Cli, empty: Database, files: Path) -> None:
    put(files, "R_aaa", "-- aaa: last.\n-- after: R_adults\nselect 1;\n")
    assert ran(run(cli, empty, files, "migrate")) == [BASE, "R_shown", "R_adults", "R_aaa"]
    put(files, "R_shown", "-- after: R_aaa\n" + SHOWN)
    put(files, "R_aaa", "-- after: R_shown\nselect 2;\n")
    assert "error[repeatable.after]: each of R_aaa, R_shown " in run(cli, empty, files, "migrate", code=1).err
    put(files, "R_aaa", "-- after: R_nothing\nselect 2;\n")
    assert "there is no file R_nothing.sql" in run(cli, empty, files, "migrate", code=1).err


def test_functions_that_name_each_other_are_run_by_name(cli: Cli, empty: Database, files: Path) -> None:
    body = "create or replace function public.{0}() returns int language plpgsql as $$ begin return public.{1}(); end $$;"
    put(files, "R_one", "-- one: x.\n" + body.format("one", "two"))
    put(files, "R_two", "-- two: x.\n" + body.format("two", "one"))
    assert ran(run(cli, empty, files, "migrate")) == [BASE, "R_shown", "R_adults", "R_one", "R_two"]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("R_Shown", "select 1;", "name"),
        ("R_shown.rollback", "select 1;", "rollback"),
        ("R_shown", "-- transactional: false\nvacuum;", "header"),
        ("R_shown", "-- batch: public.people by id\nupdate public.people set name = name where {batch};", "header"),
    ],
)
def test_what_only_a_migration_can_do_is_refused(cli: Cli, empty: Database, files: Path, name: str, text: str, code: str) -> None:
    put(files, name, text)
    assert f"error[repeatable.{code}]" in run(cli, empty, files, "migrate", code=1).err
    assert empty.one("select to_regclass('public.people') is null")


def test_a_failure_shows_its_place_and_leaves_the_file_pending(cli: Cli, empty: Database, files: Path) -> None:
    put(files, "R_shown", SHOWN + "\nselect nothing;\n")
    failed = run(cli, empty, files, "migrate", code=1)
    assert "error[migration.failed]: R_shown.sql line 4: " in failed.err
    assert empty.one("select to_regproc('public.shown') is null")
    assert states(cli, empty, files)["R_shown"] == "pending"
    put(files, "R_shown", SHOWN)
    assert ran(run(cli, empty, files, "migrate")) == ["R_shown", "R_adults"]


def test_a_file_that_drops_runs_those_that_need_it_again(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    put(files, "R_shown", "-- shown: a name.\ndrop function if exists public.shown cascade;\n" + SHOWN.replace("or replace ", ""))
    assert ran(run(cli, empty, files, "migrate")) == ["R_shown", "R_adults"]
    assert empty.one("select to_regclass('public.adults') is not null")
    assert run(cli, empty, files, "migrate").out.startswith("nothing to do")


def test_a_migration_that_drops_runs_them_again(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    text = "-- people: wider.\ndrop view if exists public.adults;\nalter table public.people alter column name type varchar(80);\n"
    write(files, LATER, text, "select 1;")
    assert ran(run(cli, empty, files, "migrate")) == [LATER, "R_shown", "R_adults"]
    assert empty.one("select to_regclass('public.adults') is not null")
    assert verified(cli, empty, "--sql-dir", str(files))["differences"] == []


def test_they_are_in_the_plan_and_in_its_hash(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    put(files, "R_adults", VIEW.replace("as name", "as name, 1 as more"))
    options = ("--scratch", "same")
    dry = run(cli, empty, files, "migrate", "--dry-run", *options)
    assert "-- migration R_adults\nbegin;\n" in dry.out
    assert "-- locks: access exclusive on public.adults" in dry.out
    document = run(cli, empty, files, "migrate", "--dry-run", "--json", *options).json()
    assert [one["id"] for one in document["pending"]] == ["R_adults"]
    hash = document["plan_hash"]
    put(files, "R_adults", VIEW.replace("as name", "as name, 2 as more"))
    refused = run(cli, empty, files, "migrate", "--plan-hash", hash, *options, code=1)
    assert "error[plan.changed]" in refused.err
    put(files, "R_adults", VIEW.replace("as name", "as name, 1 as more"))
    assert ran(run(cli, empty, files, "migrate", "--plan-hash", hash, *options)) == ["R_adults"]


def test_history_has_each_run_and_undo_leaves_them(cli: Cli, empty: Database, files: Path) -> None:
    write(
        files,
        LATER,
        "-- age: years.\nalter table public.people add column age int;\n",
        "alter table public.people drop column age;",
    )
    run(cli, empty, files, "migrate")
    put(files, "R_shown", SHOWN.replace("upper", "lower"))
    run(cli, empty, files, "migrate")
    history = cli("history", "R_shown", "--json", "--url", empty.url).json()["history"]
    assert [(one["migration_id"], one["action"]) for one in history] == [("R_shown", "applied")] * 2
    assert all(one["version"] and one["duration_ms"] is not None for one in history)
    undone = run(cli, empty, files, "undo", "--yes")
    assert undone.out.startswith(f"undid {LATER}")
    assert "repeatable files have no rollback and stay as they are: R_adults, R_shown" in undone.err
    assert empty.one("select to_regclass('public.adults') is not null")
    # A rollback may have dropped what they create.
    assert ran(run(cli, empty, files, "migrate")) == [LATER, "R_shown", "R_adults"]


def test_verify_compares_with_the_text_that_was_run(cli: Cli, empty: Database, files: Path) -> None:
    options = ("--sql-dir", str(files))
    run(cli, empty, files, "migrate")
    put(files, "R_shown", SHOWN.replace("upper", "lower"))
    assert verified(cli, empty, *options)["differences"] == []
    empty.run(
        "create or replace function public.shown(name text) returns text language sql immutable as 'select name'; drop view public.adults"
    )
    assert names(verified(cli, empty, *options)) == ["function public.shown(name text)", "view public.adults"]
    assert "2 applied" not in cli("verify", "--url", empty.url, *options).out


def test_a_removed_file_is_forgotten_and_its_objects_stay(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    (files / "migrations" / "R_adults.sql").unlink()
    assert states(cli, empty, files)["R_adults"] == "missing"
    done = run(cli, empty, files, "migrate")
    assert "R_adults has no file any more: its objects stay until a migration drops them" in done.err
    assert "R_adults" not in states(cli, empty, files)
    assert names(verified(cli, empty, "--sql-dir", str(files))) == ["view public.adults"]


def test_reset_builds_them_and_changes_of_them_are_not_missed_by_its_template(cli: Cli, empty: Database, files: Path) -> None:
    run(cli, empty, files, "migrate")
    for word in ("lower", "initcap"):
        put(files, "R_shown", SHOWN.replace("upper", word))
        run(cli, empty, files, "reset", "--yes")
        assert word in empty.one("select prosrc from pg_proc where proname = 'shown'")


def test_an_older_release_leaves_those_of_a_newer_one(cli: Cli, empty: Database, files: Path) -> None:
    write(files, LATER, "-- age: years.\nalter table public.people add column age int;\n", "select 1;")
    run(cli, empty, files, "migrate")
    for name in (LATER, f"{LATER}.rollback"):
        (files / "migrations" / f"{name}.sql").unlink()
    put(files, "R_shown", SHOWN.replace("upper", "lower"))
    done = run(cli, empty, files, "migrate", "--allow-newer")
    assert (ran(done), "repeatable files are left to the newer release" in done.err) == ([], True)


def test_two_runs_and_a_kill_leave_each_file_whole(cli: Cli, empty: Database, files: Path, tmp_path: Path) -> None:
    empty.run(f"alter database {empty.name} set default_transaction_isolation = 'repeatable read'")
    (files / "migrations" / "R_adults.sql").unlink()
    (files / "migrations" / "R_shown.sql").unlink()
    run(cli, empty, files, "migrate")
    put(files, "R_adults", VIEW)
    put(files, "R_shown", "-- lock-timeout: 60s\n" + SHOWN + "select pg_advisory_xact_lock(4713);\n")
    command = [sys.executable, "-m", "chatschema", "migrate", "--sql-dir", str(files), "--url", empty.url]
    waits = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4713 and not granted"
    with empty.connect() as holder:
        holder.execute("select pg_advisory_lock(4713)")
        with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL) as killed:
            while killed.poll() is None and not empty.one(waits):
                time.sleep(0.02)
            os.kill(killed.pid, signal.SIGKILL)
    assert empty.one("select to_regproc('public.shown') is null")
    running = [
        subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [one.communicate()[0] for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert sum("applied R_shown" in text for text in outputs) == 1
    assert set(states(cli, empty, files).values()) == {"applied"}
