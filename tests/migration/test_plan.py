"""The plan of migrate and undo: a script with its locks, found on a copy; and applying only what was reviewed."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatschema.database import scratch
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database, create
from tests.support.dump import dump
from tests.support.migrations import IDS, applied, write
from tests.support.servers import programs

ONE, TWO, THREE = "20990101000001_one", "20990101000002_two", "20990101000003_three"
FILES = {
    ONE: "-- one: a column.\nalter table public.messages add column note text default clock_timestamp()::text;\n",
    TWO: "-- two: a key; do $$ it in one.\ncreate table public.pins (id int, user_id uuid references public.users (id))",
    THREE: "-- three: an index.\n-- transactional: false\ncreate index concurrently idx_users_avatar on public.users (avatar_url);\n",
}


@pytest.fixture
def files(sql_dir: Path) -> Path:
    """The migrations and three more."""
    for id, text in FILES.items():
        write(sql_dir, id, text, "select 1;")
    write(sql_dir, ONE, FILES[ONE], "alter table public.messages drop column note;")
    return sql_dir


def databases(database: Database) -> list[str]:
    return [row[0] for row in database.all("select datname from pg_database where starts_with(datname, %s)", scratch.PREFIX)]


def planned(cli: Cli, database: Database, sql_dir: Path, *more: str, place: str = "same") -> str:
    """Return the hash of the plan."""
    document = cli(
        "migrate", "--dry-run", "--json", "--scratch", place, "--sql-dir", str(sql_dir), "--url", database.url, *more
    ).json()
    return str(document["plan_hash"])


def test_it_is_a_script_that_psql_runs_and_changes_nothing(cli: Cli, aged: Database, files: Path, tmp_path: Path) -> None:
    options = ("--sql-dir", str(files), "--url", aged.url)
    before = dump(aged)
    result = cli("migrate", "--dry-run", "--scratch", "same", *options)
    assert result.code == 0, result.err
    assert re.search(r"^created the scratch database chatschema_scratch_\w+$", result.err, re.MULTILINE)
    for line in (
        "-- locks: access exclusive on public.messages and {} partitions; rewrites public.messages (",
        "-- locks: share row exclusive on public.users",
        "-- locks: share update exclusive on public.users; reads public.users",
    ):
        months = aged.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass")
        assert line.format(months) in result.out
    assert "; not in a transaction" in result.out
    assert (dump(aged), databases(aged)) == (before, [])
    for copy in create(aged.server, f"{aged.name}_script", aged.name):
        script = tmp_path / "plan.sql"
        script.write_text(result.out)
        psql = programs("embedded") / "psql"
        done = run_program([str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), copy.url])
        assert done.returncode == 0, done.stderr
        assert copy.one("select to_regclass('public.idx_users_avatar') is not null and to_regclass('public.pins') is not null")
    assert cli("migrate", *options).code == 0


def run_program(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())


def test_without_a_copy_the_modes_come_from_the_text(cli: Cli, aged: Database, files: Path) -> None:
    options = ("--sql-dir", str(files), "--url", aged.url)
    result = cli("migrate", "--dry-run", "--scratch", "none", *options)
    assert "-- locks as the statements name them, because no copy of the structure was made: --scratch none" in result.out
    assert "-- locks: access exclusive on public.messages and" in result.out
    document = cli("migrate", "--dry-run", "--json", "--scratch", "none", *options).json()
    statements = {file["id"]: file["statements"] for file in document["pending"]}
    assert [(one["source"], one["rewrites"], one["estimate_ms"]) for one in statements[ONE]] == [("text", None, None)]
    assert document["copy"]["on"] is None


@pytest.mark.parametrize(("place", "says"), [("nonsense", "is not a place"), ("postgresql://127.0.0.1:1/x", "cannot reach")])
def test_a_named_place_that_does_not_serve_is_an_error(cli: Cli, aged: Database, files: Path, place: str, says: str) -> None:
    result = cli("migrate", "--dry-run", "--scratch", place, "--sql-dir", str(files), "--url", aged.url)
    assert result.code != 0
    assert says in result.err


def test_a_statement_about_the_whole_server_does_not_reach_it(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write(
        sql_dir,
        ONE,
        "-- one: a role.\ndo $$ begin create role plan_stranger; end $$;\nalter table public.users add column note text;\n",
        "select 1;",
    )
    write(sql_dir, TWO, "-- two: a database.\n-- transactional: false\ncreate database plan_stranger;", "select 1;")
    options = ("--scratch", "same", "--sql-dir", str(sql_dir), "--url", aged.url)
    result = cli("migrate", "--dry-run", *options)
    assert result.code == 0, result.err
    assert f"warning: {ONE} line 2: it changes roles, databases or settings of the whole server" in result.err
    assert "-- locks: access exclusive on public.users" in result.out
    assert aged.one("select count(*) from pg_roles where rolname = 'plan_stranger'") == 0
    assert aged.one("select count(*) from pg_database where datname = 'plan_stranger'") == 0


def test_a_failure_is_foretold_and_the_rest_is_still_read(cli: Cli, aged: Database, sql_dir: Path) -> None:
    broken = "-- one: fails.\nalter table public.messages alter column nothing set not null;\nalter table public.users add column note text;\n"
    write(sql_dir, ONE, broken, "select 1;")
    result = cli("migrate", "--dry-run", "--scratch", "same", "--sql-dir", str(sql_dir), "--url", aged.url)
    assert (result.code, f'warning: {ONE} line 2: column "nothing"' in result.err) == (0, True)
    assert "by its text; on the copy: column" in result.out
    assert "-- locks: access exclusive on public.users" in result.out


def test_a_killed_dry_run_leaves_a_database_that_the_next_one_drops(cli: Cli, aged: Database, files: Path, tmp_path: Path) -> None:
    options = ["--dry-run", "--scratch", "same", "--sql-dir", str(files), "--url", aged.url]
    command = [sys.executable, "-m", "chatschema", "migrate", *options]
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as killed:
        while killed.poll() is None and not databases(aged):
            time.sleep(0.01)
        time.sleep(0.5)
        killed.send_signal(signal.SIGKILL)
    (left,) = databases(aged)
    assert cli("migrate", *options).code == 0
    assert left not in databases(aged)
    assert databases(aged) == []


def test_only_the_plan_that_was_reviewed_is_applied(cli: Cli, aged: Database, files: Path) -> None:
    options = ("--scratch", "same", "--sql-dir", str(files), "--url", aged.url)
    (files.parent / "chatschema.toml").write_text("[migrate]\nrequire_plan = true\n")
    refused = cli("migrate", *options)
    assert (refused.code, "error[plan.required]" in refused.err) == (1, True)
    hash = planned(cli, aged, files)
    assert cli("migrate", "--dry-run", *options).err.rstrip().endswith(f"chatschema migrate --plan-hash {hash}")
    write(files, TWO, FILES[TWO] + "; select 1", "select 1;")
    refused = cli("migrate", "--plan-hash", hash, *options)
    assert (refused.code, "error[plan.changed]" in refused.err) == (1, True)
    assert applied(aged)[-1] == IDS[-1]
    write(files, TWO, FILES[TWO], "select 1;")
    assert cli("migrate", "--plan-hash", hash, *options).code == 0
    assert applied(aged)[-1] == THREE
    assert cli("migrate", *options).code == 0


def test_a_lock_that_was_not_reviewed_changes_the_plan(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write(sql_dir, ONE, "-- one: drops.\ndrop table public.attachments;", "select 1;")
    options = ("--scratch", "same", "--sql-dir", str(sql_dir), "--url", aged.url)
    hash = planned(cli, aged, sql_dir)
    aged.run(
        "create table public.fan (id int primary key); alter table public.attachments add column fan int references public.fan (id)"
    )
    refused = cli("migrate", "--plan-hash", hash, *options)
    assert (refused.code, "error[plan.changed]" in refused.err) == (1, True)
    assert applied(aged)[-1] == IDS[-1]
    now = planned(cli, aged, sql_dir)
    assert f"--plan-hash {now}" in refused.err
    # Rows and months of the same tables are not in it.
    aged.run("insert into public.fan values (1)")
    assert cli("migrate", "--plan-hash", now, *options).code == 0


@pytest.mark.parametrize("is_new", [True, False])
def test_the_rest_of_a_plan_is_applied_after_a_kill(cli: Cli, empty: Database, files: Path, tmp_path: Path, is_new: bool) -> None:
    options = ("--scratch", "same", "--sql-dir", str(files), "--url", empty.url)
    if not is_new:
        assert cli("migrate", "--to", IDS[-1], *options).code == 0
    stop = FILES[TWO] + "; select pg_advisory_xact_lock(4712)"
    write(files, TWO, "-- lock-timeout: 60s\n" + stop, "select 1;")
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
    other = "0" * len(hash)
    assert "error[plan.changed]" in cli("migrate", "--plan-hash", other, *options).err
    rest = cli("migrate", "--plan-hash", hash, *options)
    assert (rest.code, applied(empty)[-2:]) == (0, [TWO, THREE]), rest.err
    assert "nothing to do" in cli("migrate", "--plan-hash", hash, *options).out


def test_undo_shows_its_locks_and_its_losses(cli: Cli, aged: Database, files: Path) -> None:
    options = ("--sql-dir", str(files), "--url", aged.url)
    assert cli("migrate", *options).code == 0
    aged.run("update public.messages set note = 'kept' where id = (select id from public.messages limit 1)")
    result = cli("undo", "--dry-run", "--steps", "3", "--scratch", "same", *options)
    assert result.code == 0, result.err
    assert "-- locks: access exclusive on public.messages and" in result.out
    assert "-- would drop column messages.note (600 rows)" in result.out
    assert (applied(aged)[-1], databases(aged)) == (THREE, [])


def test_a_plain_owner_is_served_by_another_server(cli: Cli, empty: Database, files: Path, tmp_path: Path) -> None:
    empty.run(f"create role planner login; alter database {empty.name} owner to planner; grant all on schema public to planner")
    try:
        url = empty.server.url(empty.name, user="planner")
        assert cli("migrate", "--to", IDS[-1], "--url", url).code == 0
        options = ("--dry-run", "--sql-dir", str(files), "--url", url)
        refused = cli("migrate", "--scratch", "same", *options)
        assert (refused.code, "error[scratch.no-createdb]" in refused.err) == (1, True)
        served = cli("migrate", "--scratch", empty.server.url("postgres"), *options)
        assert (served.code, "on the server of --scratch" in served.out) == (0, True)
    finally:
        with empty.server.connect("postgres") as admin:
            admin.execute(f"drop database {empty.name} with (force)".encode())
            admin.execute("drop role planner")
