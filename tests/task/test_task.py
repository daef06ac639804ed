"""The Python interface: chatschema.task called from a script, with a URL or a connection, and nothing on the terminal."""

import dataclasses
import subprocess
import sys

import psycopg
import pytest

from chatschema import task
from chatschema.errors import CannotConnect, Protected, UsageError
from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.database import Database
from tests.support.servers import PgServer


def test_the_example_migrates_seeds_and_reports(empty: Database) -> None:
    example = ROOT / "examples" / "health.py"
    lines = [line for line in example.read_text().split('"""', 2)[2].splitlines() if line.strip()]
    assert len(lines) <= 15
    done = subprocess.run(
        [sys.executable, example, empty.url], capture_output=True, text=True, env=clean_environment(), cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = empty.one("select sum(row_count) from chatschema.seeds")
    assert f"migrations, {rows} rows" in done.stdout
    assert "no verdict: cache.heap" in done.stdout
    assert "applied 20241217000000_create_functions" in done.stderr
    refused = subprocess.run(
        [sys.executable, example, "postgresql://nobody@127.0.0.1:1/none"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_each_step_is_told_and_returned(empty: Database, capfd: pytest.CaptureFixture[str]) -> None:
    events: list[task.Event] = []
    done = task.migrate(empty.url, to="20241217000001", on_event=events.append)
    assert [one.id[:14] for one in done.applied] == ["20241217000000", "20241217000001"]
    assert [event.value for event in events if event.kind == "applied"] == list(done.applied)
    assert [one.state for one in task.status(empty.url).migrations[:3]] == ["applied", "applied", "pending"]
    rest = task.migrate(empty.url)
    assert rest.applied[0].id.startswith("20241217000002")
    assert rest.partitions
    assert task.migrate(empty.url) == task.Migrated((), ())
    assert task.status(empty.url).findings == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        done.applied = ()  # type: ignore[misc]
    assert capfd.readouterr() == ("", "")


def test_an_open_connection_names_the_database_and_is_left_alone(migrated: Database) -> None:
    with psycopg.connect(migrated.url) as connection:
        connection.execute("insert into public.users (username) values ('mine')")
        assert task.status(connection).server.database == migrated.name
        assert {one.report for one in task.report(connection, "locks", "tables").results} == {"locks", "tables"}
        connection.rollback()
        assert connection.execute("show search_path").fetchone() == ('"$user", public',)
    assert migrated.one("select count(*) from public.users") == 0


def test_a_loss_needs_a_word(migrated: Database) -> None:
    migrated.run("insert into public.audit_logs (action, resource_type) values ('test', 'test')")
    to = "20241217000008"
    with pytest.raises(UsageError, match="audit_logs"):
        task.undo(migrated.url, to=to)
    assert migrated.one("select count(*) from public.audit_logs") == 1
    undone = task.undo(migrated.url, to=to, accept_loss=True)
    assert undone[-1].id.startswith("20241217000009")
    with pytest.raises(UsageError):
        task.undo(migrated.url, to="20241217000009")


def test_reset_wants_the_name_and_heeds_protection(migrated: Database) -> None:
    migrated.run("insert into public.users (username) values ('mine')")
    with pytest.raises(UsageError, match="nothing was dropped"):
        task.reset(migrated.url, drop="another")
    assert migrated.one("select count(*) from public.users") == 1
    assert "clone" in task.reset(migrated.url, drop=migrated.name)
    assert migrated.one("select count(*) from public.users") == 0
    migrated.run("insert into chatschema.protection (reason) values ('production')")
    with pytest.raises(Protected):
        task.reset(migrated.url, drop=migrated.name)
    with pytest.raises(Protected):
        task.seed(migrated.url)


def test_production_by_the_environment_counts(migrated: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATSCHEMA_ENV", "production")
    with pytest.raises(Protected):
        task.reset(migrated.url, drop=migrated.name)


def test_seed_and_maintain(migrated: Database) -> None:
    seeded = task.seed(migrated.url, "conversations")
    assert [one.name for one in seeded] == ["users", "conversations"]
    done = task.maintain(migrated.url)
    assert done.failed == ()
    assert "messages" in done.analyzed


def test_an_error_is_the_command_s(server: PgServer) -> None:
    with pytest.raises(CannotConnect) as caught:
        task.status(server.url("there_is_none"))
    assert (caught.value.exit_code, "there_is_none" in caught.value.message) == (4, True)
    with pytest.raises(UsageError):
        task.report(server.url("postgres"), "no_such_report")


def test_importing_it_loads_nothing() -> None:
    code = "import sys; from chatschema import task; print(sorted(set(sys.modules) & {'psycopg', 'typer', 'rich', 'yoyo'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
