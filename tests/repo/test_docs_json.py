"""Every document that --json prints is what its JSON Schema in docs/reference/json/ says, key by key."""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from chatschema.cli import app
from tests.support import ROOT
from tests.support.access.world import dropped
from tests.support.busy import keep_busy
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.documents import SCHEMAS, check, valid, validator
from tests.support.migrations import IDS, NEXT, write

PERIOD = ("--from", "2024-01-01", "--to", "2024-02-01")


def test_a_key_that_no_schema_names_is_found() -> None:
    document = {"applied": [{"id": "1", "title": "t", "duration_ms": 1.5, "extra": 1}], "running": [], "partitions": []}
    (error,) = validator("migrate").iter_errors(document)
    assert "'extra' was unexpected" in error.message


def test_a_key_that_is_missing_is_found() -> None:
    assert [error.message for error in validator("migrate").iter_errors({"applied": []})] == [
        "'running' is a required property",
        "'partitions' is a required property",
    ]


def test_migrate_and_undo(cli: Cli, empty: Database, sql_dir: Path) -> None:
    assert valid("migrate-dry-run", cli, empty, "migrate", "--dry-run")["pending"]
    done = valid("migrate", cli, empty, "migrate")
    assert done["applied"]
    assert done["partitions"]
    assert valid("migrate-rehearse", cli, empty, "migrate", "--rehearse", "--scratch", "same")["copy"] is None
    write(sql_dir, NEXT, "create table public.note (i int); insert into public.note values (1);", "drop table public.note;")
    own = ("--sql-dir", str(sql_dir))
    valid("migrate", cli, empty, "migrate", *own)
    assert valid("undo-dry-run", cli, empty, "undo", "--dry-run", *own)["losses"]
    assert valid("undo", cli, empty, "undo", "--yes", *own)["undone"]


def test_batches(cli: Cli, aged: Database, sql_dir: Path) -> None:
    own = ("--sql-dir", str(sql_dir))
    touch = "-- m: touch.\n-- batch: public.messages by id\n-- wait: no\nupdate public.messages set is_deleted = is_deleted where {batch};"
    write(sql_dir, NEXT, touch, "select 1;")
    (started,) = valid("migrate", cli, aged, "migrate", *own)["running"]
    number = str(started["batch"])
    assert valid("batch-rate", cli, aged, "batch", "rate", number, "100000")["batch"]["rate"] == 100000
    assert valid("batch-pause", cli, aged, "batch", "pause", number)["batch"]["state"] == "paused"
    assert valid("batch-resume", cli, aged, "batch", "resume", number)["batch"]["state"] == "running"
    assert valid("batch-list", cli, aged, "batch", "list")["batches"]
    valid("status", cli, aged, "status", *own)
    assert valid("batch-run", cli, aged, "batch", "run")["done"][0]["rows_done"] == 600
    assert cli("undo", "--yes", *own, "--url", aged.url).code == 0
    assert valid("migrate", cli, aged, "migrate", *own)["running"]
    assert valid("maintain", cli, aged, "maintain")["batches"][0]["state"] == "done"


def test_status(cli: Cli, migrated: Database) -> None:
    migrated.run("alter table public.users drop column created_at")
    cli("protect", "--url", migrated.url)
    document = valid("status", cli, migrated, "status")
    assert document["structure"]["differences"]
    assert document["protection"]


def test_verify(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[[verify.ignore]]\nobject = "table public.note"\nreason = "ours"\n')
    migrated.run("alter table public.users drop column created_at; create table public.note (i int)")
    document = valid("verify", cli, migrated, "verify", code=3)
    assert [len(document[key]) for key in ("differences", "ignored")] == [1, 1]


def test_models(cli: Cli, migrated: Database) -> None:
    arguments = ("models", "--for", "typescript", "--out", "models.ts")
    assert valid("models", cli, migrated, *arguments, "--check", code=3)["is_current"] is False
    assert valid("models", cli, migrated, *arguments)["is_current"] is False
    assert valid("models", cli, migrated, *arguments, "--check")["is_current"] is True
    assert valid("models", cli, migrated, *arguments[:3])["file"] is None


def test_history(cli: Cli, migrated: Database, sql_dir: Path, empty: Database) -> None:
    own = ("--sql-dir", str(sql_dir))
    with (sql_dir / "migrations" / f"{IDS[-1]}.sql").open("a") as file:
        file.write("-- a remark")
    last = IDS[-1]
    assert valid("repair", cli, migrated, "repair", last, "--yes", *own)["differences"] == []
    assert valid("history", cli, migrated, "history", last)["history"][-1]["action"] == "repaired"
    assert valid("baseline", cli, empty, "baseline", IDS[0], code=3)["differences"]
    assert valid("squash", cli, empty, "squash", "--to", IDS[0], "--scratch", "same", *own)["replaced"] == IDS[:1]


def test_seed_and_reset(cli: Cli, migrated: Database) -> None:
    assert valid("seed", cli, migrated, "seed", "users")["seeded"]
    assert valid("seed-list", cli, migrated, "seed", "--list")["seeds"]
    assert valid("seed-bulk", cli, migrated, "seed", "--messages", "50", "--months", "1", "--until", "2026-01-11")["bulk"]
    assert valid("seed-undo", cli, migrated, "seed", "--undo")["removed"]
    assert valid("reset", cli, migrated, "reset", "--yes")["database"] == migrated.name


def test_months_on_their_way_out_and_back(cli: Cli, aged: Database, tmp_path: Path) -> None:
    assert valid("partition-list", cli, aged, "partition", "list")["gaps"]
    plan = valid("partition-plan", cli, aged, "partition", "plan", "--older-than", "1mo")
    assert plan["steps"]
    rule = ("--older-than", "1mo", "--grace", "0d")
    assert valid("partition-retire-dry-run", cli, aged, "partition", "retire", "--dry-run", *rule)["steps"]
    assert valid("partition-archive", cli, aged, "partition", "archive", "2024-01", "--parquet")["manifest"]["tables"]
    assert valid("partition-retire", cli, aged, "partition", "retire", "--yes", *rule)["done"]
    assert valid("partition-verify-archives", cli, aged, "partition", "verify-archives")["archives"]
    assert valid("partition-restore", cli, aged, "partition", "restore", "2024-01")["messages"] == 300
    (tmp_path / "archives" / "2024-02" / "manifest.json").unlink()
    assert valid("partition-verify-archives", cli, aged, "partition", "verify-archives", code=3)["findings"] == 1


def test_upkeep(cli: Cli, aged: Database, tmp_path: Path) -> None:
    last_month = f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"
    assert valid("partition-ensure", cli, aged, "partition", "ensure", "--from", last_month)["created"]
    aged.run("update public.conversations set retention_days = 1")
    assert valid("partition-plan", cli, aged, "partition", "plan", "--older-than", "99y")["purge"]
    assert valid("partition-purge-dry-run", cli, aged, "partition", "purge", "--dry-run")["would_purge"]
    assert valid("partition-purge", cli, aged, "partition", "purge")["purged"]
    (tmp_path / "chatschema.toml").write_text('[partition]\nkeep = "1mo"\ngrace = "0d"\n')
    assert valid("maintain", cli, aged, "maintain")["retired"]


def test_holds(cli: Cli, aged: Database) -> None:
    placed = valid("hold-add", cli, aged, "hold", "add", "--user", "alice", *PERIOD, "--reason", "case 7")
    number = str(placed["hold"]["id"])
    assert valid("hold-list", cli, aged, "hold", "list")["holds"]
    assert valid("hold-export", cli, aged, "hold", "export", number)["manifest"]["tables"]
    assert valid("hold-release", cli, aged, "hold", "release", number, "--reason", "settled")["hold"]["released_at"]


def test_roles(cli: Cli, migrated: Database) -> None:
    prefix = ("--prefix", f"json_{uuid.uuid4().hex[:8]}")
    with dropped(migrated.server, prefix[1]):
        assert valid("roles-check", cli, migrated, "roles", "check", *prefix, code=3)["findings"]
        assert valid("roles-apply-dry-run", cli, migrated, "roles", "apply", "--dry-run", *prefix)["would_run"]
        assert valid("roles-apply", cli, migrated, "roles", "apply", *prefix)["done"]
        assert valid("roles-show", cli, migrated, "roles", "show")["roles"][0]["exists"]


def test_the_audit_trail(cli: Cli, aged: Database) -> None:
    aged.run("insert into public.audit_logs (action, severity, ip_address) values ('x', 'critical', '10.0.0.0/8')")
    assert valid("audit-tail", cli, aged, "audit", "tail")["entries"][-1]["details"] == {}
    assert valid("audit-search", cli, aged, "audit", "search", "--limit", "1")["has_more"]
    assert valid("audit-report", cli, aged, "audit", "report")["severe_total"] == 1


def test_reports(cli: Cli, seeded: Database) -> None:
    document = valid("report", cli, seeded, "report")
    assert [one for report in document["reports"] for one in report["findings"]]
    valid("report", cli, seeded, "report", "tables")
    check("report-list", cli("report", "--list", "--json").json())
    check("report-explain", cli("report", "explain", "indexes", "--json").json())


def test_queries_and_snapshots(cli: Cli, migrated: Database) -> None:
    keep_busy(migrated)
    valid("report-snapshot", cli, migrated, "report", "snapshot", "before.json")
    migrated.run("create table public.later (i int primary key); select count(*) from public.later")
    document = valid("report-diff", cli, migrated, "report", "diff", "before.json")
    assert document["queries"]
    assert document["indexes"]
    assert valid("report-queries-explain", cli, migrated, "report", "queries", "--explain", "1")["plan"]
    if migrated.one("select count(*) from pg_available_extensions where name = 'hypopg'"):
        migrated.run("create extension hypopg")
        assert valid("report-queries-advise", cli, migrated, "report", "queries", "--advise")["indexes"]
    sizes = valid("report-pool-suggest", cli, migrated, "report", "pool", "--suggest", "--cores", "4")
    assert sizes["suggestion"]["useful"] == 9


@pytest.fixture
def watching(migrated: Database, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    report = ["report", "watch", "connections", "--every", "0.2", "--json"]
    command = [sys.executable, "-m", "chatschema", *report, "--url", migrated.url]
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_watching(watching: "subprocess.Popen[str]", migrated: Database) -> None:
    assert watching.stdout
    check("report-watch", json.loads(watching.stdout.readline()))
    with migrated.connect():
        lines = iter(watching.stdout.readline, "")
        changed = next(document for document in map(json.loads, lines) if document["changes"])
    check("report-watch", changed)


def test_explanations_and_errors(cli: Cli) -> None:
    check("explain-list", cli("explain", "--list", "--json").json())
    check("explain", cli("explain", "busy", "--json").json())
    check("explain", cli("explain", "lint.index", "--json").json())


def test_fleet(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("drop index public.idx_messages_expires_at")
    (tmp_path / "targets.toml").write_text(
        f'[targets.one]\nurl = "{migrated.url}"\n[targets.away]\nurl = "postgresql://127.0.0.1:1/x"\n'
    )
    check("status-fleet", cli("status", "--fleet", "targets.toml", "--json").json())
    (tmp_path / "targets.toml").write_text(f'[targets.one]\nurl = "{migrated.url}"\n')
    check("migrate-fleet", cli("migrate", "--fleet", "targets.toml", "--json").json())


def test_lint(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "create index idx_users_status on public.users (status);", "select 1;")
    own = ("lint", "--sql-dir", str(sql_dir))
    assert valid("lint", cli, migrated, *own, code=3)["findings"]
    check("lint", cli(*own, "--offline", "--json").json())
    result = cli("migrate", "--json", "--url", "postgresql://nobody@127.0.0.1:1/none")
    assert result.code == 4
    check("error", result.json())


def with_json(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the commands that take --json; of the reports the overview, as they all answer alike."""
    if any("--json" in param.opts for param in command.params):
        yield " ".join(path)
    for name in getattr(command, "commands", None) or (command.list_commands(None) if hasattr(command, "list_commands") else ()):
        yield from with_json(command.get_command(None, name), (*path, name))


def test_every_command_with_json_has_a_schema_and_every_schema_a_test() -> None:
    called = [json.loads(path.read_text("utf-8")).get("$comment", "") for path in sorted(SCHEMAS.glob("*.json"))]
    missing = [name for name in with_json(typer.main.get_command(app)) if not any(f"chatschema {name} " in one for one in called)]
    assert missing == ["partition maintain"]  # the same command as maintain
    texts = (path.read_text("utf-8") for path in Path(__file__).parent.glob("test_docs_json*.py"))
    tested = {name for text in texts for name in re.findall(r'(?:valid|check)\("([a-z-]+)"', text)}
    assert tested == {path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.json")} - {"common"}
    assert (ROOT / "docs" / "reference" / "json.md").exists()
