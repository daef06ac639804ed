"""The plan of migrate and undo: a script with its locks, found on a copy; and applying only what was reviewed."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatschema.database import scratch
from tests.support import PASSWORD
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import applied, write
from tests.support.servers import programs

BASE, ONE, TWO, THREE = "20990101000000_base", "20990101000001_one", "20990101000002_two", "20990101000003_three"
# A small schema is copied in a moment; that of the chat is in test_foreseen.py.
_BASE = """\
-- base: people and their letters.
create table public.people (id int primary key, name text);
create table public.letters (id int, sender int references public.people (id), note text) partition by range (id);
create table public.letters_1 partition of public.letters for values from (0) to (1000);
create table public.letters_2 partition of public.letters for values from (1000) to (2000);
"""
FILES = {
    ONE: "-- one: a column.\nalter table public.letters add column sent text default clock_timestamp()::text;\n",
    TWO: "-- two: a key; do $$ it in one.\ncreate table public.pins (id int, owner int references public.people (id))",
    THREE: "-- three: an index.\n-- transactional: false\ncreate index concurrently idx_people_name on public.people (name);\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A project of four migrations."""
    folder = tmp_path / "own"
    (folder / "migrations").mkdir(parents=True)
    write(folder, BASE, _BASE, "drop table public.letters; drop table public.people;")
    for id, text in FILES.items():
        write(folder, id, text, "select 1;")
    write(folder, ONE, FILES[ONE], "alter table public.letters drop column sent;")
    return folder


@pytest.fixture
def letters(cli: Cli, empty: Database, files: Path) -> Database:
    """A database with the first of them, and a row of each kind."""
    assert cli("migrate", "--to", BASE, "--sql-dir", str(files), "--url", empty.url).code == 0
    empty.run("insert into public.people values (1, 'alice'); insert into public.letters values (1, 1, 'x'), (1001, 1, 'y')")
    return empty


def databases(database: Database) -> list[str]:
    return [row[0] for row in database.all("select datname from pg_database where starts_with(datname, %s)", scratch.PREFIX)]


def planned(cli: Cli, database: Database, files: Path) -> str:
    """Return the hash of the plan."""
    document = cli("migrate", "--dry-run", "--json", "--scratch", "same", "--sql-dir", str(files), "--url", database.url).json()
    return str(document["plan_hash"])


def test_it_is_a_script_that_psql_runs_and_changes_nothing(cli: Cli, letters: Database, files: Path, tmp_path: Path) -> None:
    options = ("--sql-dir", str(files), "--url", letters.url)
    before = dump(letters)
    result = cli("migrate", "--dry-run", "--scratch", "same", *options)
    assert result.code == 0, result.err
    assert re.search(r"^created the scratch database chatschema_scratch_\w+$", result.err, re.MULTILINE)
    for line in (
        "-- locks: access exclusive on public.letters and 2 partitions; rewrites public.letters (32 kB)",
        "-- locks: share row exclusive on public.people",
        "-- locks: share update exclusive on public.people; reads public.people (8.0 kB); not in a transaction",
    ):
        assert f"\n{line}\n" in result.out
    assert (dump(letters), databases(letters)) == (before, [])
    (tmp_path / "plan.sql").write_text(result.out)
    psql = [str(programs("embedded") / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(tmp_path / "plan.sql"), letters.url]
    done = subprocess.run(psql, capture_output=True, text=True, check=False, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert letters.one("select to_regclass('public.idx_people_name') is not null and to_regclass('public.pins') is not null")


def test_without_a_copy_the_modes_come_from_the_text(cli: Cli, letters: Database, files: Path) -> None:
    options = ("--sql-dir", str(files), "--url", letters.url)
    result = cli("migrate", "--dry-run", "--scratch", "none", *options)
    assert "-- locks as the statements name them, because no copy of the structure was made: --scratch none" in result.out
    assert "-- locks: access exclusive on public.letters and 2 partitions\n" in result.out
    document = cli("migrate", "--dry-run", "--json", "--scratch", "none", *options).json()
    statements = {file["id"]: file["statements"] for file in document["pending"]}
    assert [(one["source"], one["rewrites"], one["estimate_ms"]) for one in statements[ONE]] == [("text", None, None)]
    assert document["copy"]["on"] is None


@pytest.mark.parametrize(
    ("place", "code", "says"), [("nonsense", 2, "is not a place"), ("postgresql://127.0.0.1:1/x", 4, "cannot reach")]
)
def test_a_named_place_that_does_not_serve_is_an_error(
    cli: Cli, letters: Database, files: Path, place: str, code: int, says: str
) -> None:
    result = cli("migrate", "--dry-run", "--scratch", place, "--sql-dir", str(files), "--url", letters.url)
    assert (result.code, says in result.err) == (code, True)


def test_a_statement_about_the_whole_server_does_not_reach_it(cli: Cli, letters: Database, files: Path) -> None:
    strangers = (
        "do $$ begin create role plan_stranger; end $$",
        "alter role current_user set application_name = 'plan_stranger'",
        "do $$ begin execute format('comment on database %I is %L', current_database(), 'plan_stranger'); end $$",
        "select pg_create_physical_replication_slot('plan_stranger')",
    )
    lines = ";\n".join([*strangers, "alter table public.people add column note text"])
    write(files, ONE, f"-- one: more than this database.\n{lines};\n", "select 1;")
    write(files, TWO, "-- two: a database.\n-- transactional: false\ncreate database plan_stranger;", "select 1;")
    result = cli("migrate", "--dry-run", "--scratch", "same", "--sql-dir", str(files), "--url", letters.url)
    assert result.code == 0, result.err
    for line in range(2, 6):
        assert f"warning: {ONE} line {line}: it " in result.err
    assert "-- locks: access exclusive on public.people" in result.out
    for query in (
        "select count(*) from pg_roles where rolname = 'plan_stranger'",
        "select count(*) from pg_database where datname = 'plan_stranger'",
        "select count(*) from pg_db_role_setting where 'application_name=plan_stranger' = any (setconfig)",
        "select count(*) from pg_shdescription where description = 'plan_stranger'",
        "select count(*) from pg_replication_slots",
    ):
        assert letters.one(query) == 0, query


def test_a_failure_is_foretold_and_the_rest_is_still_read(cli: Cli, letters: Database, files: Path) -> None:
    broken = "alter table public.letters alter column nothing set not null;\nalter table public.people add column note text;\n"
    write(files, ONE, f"-- one: fails.\n{broken}", "select 1;")
    result = cli("migrate", "--dry-run", "--scratch", "same", "--sql-dir", str(files), "--url", letters.url)
    assert (result.code, f'warning: {ONE} line 2: column "nothing"' in result.err) == (0, True)
    assert "by its text; on the copy: column" in result.out
    assert "-- locks: access exclusive on public.people" in result.out


def test_names_with_quotes_and_line_breaks_stay_in_their_comment(cli: Cli, letters: Database, files: Path) -> None:
    name = 'public."Ünï ""q""\n; drop table public.people; --"'
    letters.run(f"create table {name} (i int)")
    write(files, ONE, f"-- one: a name.\nalter table {name} add column j int;", "select 1;")
    result = cli("migrate", "--dry-run", "--scratch", "same", "--sql-dir", str(files), "--url", letters.url)
    assert '-- locks: access exclusive on public."Ünï ""q"" ; drop table public.people; --"\n' in result.out


def test_inserts_after_the_hundredth_are_left_out(cli: Cli, letters: Database, files: Path) -> None:
    write(files, ONE, "-- one: rows.\n" + "insert into public.letters (id) values (7);\n" * 150, "select 1;")
    document = cli("migrate", "--dry-run", "--json", "--scratch", "same", "--sql-dir", str(files), "--url", letters.url).json()
    file = next(one for one in document["pending"] if one["id"] == ONE)
    assert (len(file["statements"]), file["left_out"]) == (100, 50)
    assert [lock["mode"] for one in file["statements"] for lock in one["locks"]] == ["RowExclusiveLock"]


def test_the_next_run_drops_what_a_killed_one_left(cli: Cli, letters: Database, files: Path, tmp_path: Path) -> None:
    write(files, ONE, "-- one: waits.\nselect pg_sleep(60);", "select 1;")
    options = ["--dry-run", "--scratch", "same", "--sql-dir", str(files), "--url", letters.url]
    command = [sys.executable, "-m", "chatschema", "migrate", *options]
    asleep = "select count(*) from pg_stat_activity where query ~ '^select pg_sleep' and datname ~ 'scratch'"
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as killed:
        while killed.poll() is None and not letters.one(asleep):
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    (left,) = databases(letters)
    write(files, ONE, FILES[ONE], "select 1;")
    assert cli("migrate", *options).code == 0
    assert left not in databases(letters)


def test_only_the_plan_that_was_reviewed_is_applied(cli: Cli, letters: Database, files: Path, tmp_path: Path) -> None:
    options = ("--scratch", "same", "--sql-dir", str(files), "--url", letters.url)
    (tmp_path / "chatschema.toml").write_text("[migrate]\nrequire_plan = true\n")
    refused = cli("migrate", *options)
    assert (refused.code, "error[plan.required]" in refused.err) == (1, True)
    hash = planned(cli, letters, files)
    assert cli("migrate", "--dry-run", *options).err.rstrip().endswith(f"chatschema migrate --plan-hash {hash}")
    write(files, TWO, FILES[TWO] + "; select 1", "select 1;")
    refused = cli("migrate", "--plan-hash", hash, *options)
    assert (refused.code, "error[plan.changed]" in refused.err) == (1, True)
    assert applied(letters)[-1] == BASE
    write(files, TWO, FILES[TWO], "select 1;")
    # Rows and partitions of the same tables are no part of it.
    letters.run("create table public.letters_3 partition of public.letters for values from (2000) to (3000)")
    letters.run("insert into public.letters values (2001, 1, 'z')")
    done = cli("migrate", "--plan-hash", hash, *options)
    assert (done.code, applied(letters)[-1]) == (0, THREE), done.err
    assert cli("migrate", *options).code == 0


def test_a_lock_that_was_not_reviewed_changes_the_plan(cli: Cli, letters: Database, files: Path) -> None:
    write(files, ONE, "-- one: drops.\ndrop table public.letters;", "select 1;")
    options = ("--scratch", "same", "--sql-dir", str(files), "--url", letters.url)
    hash = planned(cli, letters, files)
    letters.run(
        "create table public.fan (id int primary key); alter table public.letters add column fan int references public.fan (id)"
    )
    refused = cli("migrate", "--plan-hash", hash, *options)
    assert (refused.code, "error[plan.changed]" in refused.err) == (1, True)
    assert applied(letters)[-1] == BASE
    assert f"--plan-hash {planned(cli, letters, files)}" in refused.err


@pytest.mark.parametrize("is_new", [True, False])
def test_the_rest_of_a_plan_is_applied_after_a_kill(cli: Cli, empty: Database, files: Path, tmp_path: Path, is_new: bool) -> None:
    options = ("--scratch", "same", "--sql-dir", str(files), "--url", empty.url)
    if not is_new:
        assert cli("migrate", "--to", BASE, *options).code == 0
    # On the copy the lock is free: it belongs to another database.
    write(files, TWO, f"-- lock-timeout: 60s\n{FILES[TWO]}; select pg_advisory_xact_lock(4712)", "select 1;")
    hash = planned(cli, empty, files)
    with empty.connect() as holder:
        holder.execute("select pg_advisory_lock(4712)")
        command = [sys.executable, "-m", "chatschema", "migrate", "--plan-hash", hash, *options]
        with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL) as killed:
            waits = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4712 and not granted"
            while killed.poll() is None and not empty.one(waits):
                time.sleep(0.02)
            killed.send_signal(signal.SIGKILL)
    assert applied(empty)[-1] == ONE
    assert "error[plan.changed]" in cli("migrate", "--plan-hash", "0" * len(hash), *options).err
    rest = cli("migrate", "--plan-hash", hash, *options)
    assert (rest.code, applied(empty)[-2:]) == (0, [TWO, THREE]), rest.err
    assert "nothing to do" in cli("migrate", "--plan-hash", hash, *options).out


def test_undo_shows_its_locks_and_its_losses(cli: Cli, letters: Database, files: Path) -> None:
    options = ("--sql-dir", str(files), "--url", letters.url)
    assert cli("migrate", *options).code == 0
    result = cli("undo", "--dry-run", "--steps", "3", "--scratch", "same", *options)
    assert result.code == 0, result.err
    assert "-- locks: access exclusive on public.letters and 2 partitions\n" in result.out
    assert "-- would drop column letters.sent (2 rows)\n" in result.out
    assert (applied(letters)[-1], databases(letters)) == (THREE, [])


def test_a_plain_owner_is_served_by_another_server(cli: Cli, empty: Database, files: Path) -> None:
    grant = "grant all on schema public to planner"
    empty.run(f"create role planner login password '{PASSWORD}'; alter database {empty.name} owner to planner; {grant}")
    try:
        own = ("--sql-dir", str(files), "--url", empty.server.url(empty.name, user="planner"))
        assert cli("migrate", "--to", BASE, *own).code == 0
        refused = cli("migrate", "--dry-run", "--scratch", "same", *own)
        assert (refused.code, "error[scratch.no-createdb]" in refused.err) == (1, True)
        served = cli("migrate", "--dry-run", "--scratch", empty.server.url("postgres"), *own)
        assert (served.code, "on the server of --scratch" in served.out) == (0, True)
    finally:
        empty.run("reassign owned by planner to current_user; drop owned by planner; drop role planner")
