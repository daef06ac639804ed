"""What a report says of what it cannot see: the role, the extension, the lock; and that its fix lets it see."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.damage import queue
from tests.support.database import Database
from tests.support.reports import FSYNC, answer

PASSWORD = "tiger99"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(FSYNC)


@pytest.fixture
def role(seeded: Database) -> Iterator[str]:
    """A role that may log in, and no more."""
    name = f"Watch {uuid.uuid4().hex[:8]}"
    seeded.run("create extension if not exists pg_stat_statements")
    seeded.run(f"create role \"{name}\" login password '{PASSWORD}'")
    # The report on passwords would name that statement.
    seeded.one("select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)")
    yield name
    seeded.run(f'drop owned by "{name}"; drop role "{name}"')


def url(database: Database, role: str) -> str:
    return database.server.url(database.name, user=role.replace(" ", "%20"), password=PASSWORD)


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {report["name"]: report for report in document["reports"]}


def unseen(report: dict[str, Any]) -> list[str]:
    """Return the statements that let the report see more."""
    not_evaluated = [f["fix"] for f in report["findings"] if f["severity"] == "not evaluated"]
    return [*(gap["fix"] for gap in report["gaps"]), *not_evaluated]


def test_a_role_without_rights_is_told_what_it_does_not_see_and_how_to(cli: Cli, seeded: Database, role: str) -> None:
    seeded.run("select 'a query of somebody else'")
    started = time.monotonic()
    reports = by_name(answer(cli, url(seeded, role)))
    assert time.monotonic() - started < 5
    blind = {name: report["status"] for name, report in reports.items() if unseen(report)}
    assert set(blind) == {
        "access", "activity", "bloat", "connections", "locks", "passwords", "queries", "replication", "sequences", "transactions",
        "vacuum", "wal",
    }  # fmt: skip
    assert not [status for status in blind.values() if status in ("ok", "info", "no verdict")]
    assert reports["partitions"]["status"] == "ok"
    hidden = [row for row in reports["queries"]["rows"] if row["query"].startswith("<hidden: ")]
    assert len(hidden) == 1
    assert hidden[0]["calls"] > 0
    assert not [row for row in reports["queries"]["rows"] if "somebody else" in row["query"]]

    gate = cli("report", "--fail-on", "warn", "--url", url(seeded, role))
    assert gate.code == 3
    assert "not evaluated" in gate.err
    assert cli("report", "--fail-on", "warn", "--allow-partial", "--url", url(seeded, role)).code == 0

    for statement in {fix for report in reports.values() for fix in unseen(report)}:
        assert f'"{role}"' in statement
        seeded.run(statement)
    reports = by_name(answer(cli, url(seeded, role)))
    assert {name: unseen(report) for name, report in reports.items() if unseen(report)} == {}
    assert cli("report", "--fail-on", "warn", "--url", url(seeded, role)).code == 0


def test_pg_monitor_sees_all_but_what_needs_the_tables(cli: Cli, seeded: Database, role: str) -> None:
    seeded.run(f'grant pg_monitor to "{role}"')
    reports = by_name(answer(cli, url(seeded, role)))
    assert {name for name, report in reports.items() if unseen(report)} == {"bloat", "sequences"}
    assert "may not read" in next(f["message"] for f in reports["bloat"]["findings"] if f["severity"] == "not evaluated")


def test_sessions_of_others_are_counted_though_hidden(cli: Cli, seeded: Database, role: str) -> None:
    with seeded.connect() as one, seeded.connect() as other:
        one.execute("begin")
        other.execute("select 1")
        result = answer(cli, url(seeded, role), "connections")["reports"][0]
        everybodys = answer(cli, seeded.url, "connections")["reports"][0]
    # Workers of the server are no clients; a client that is hidden is one.
    clients = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    assert sum(row["connections"] or 0 for row in everybodys["rows"]) >= 2
    assert sum(row["connections"] or 0 for row in everybodys["rows"]) <= seeded.one(clients) + 4
    assert {row["state"] for row in result["rows"] if row["connections"]} == {"hidden"}
    assert result["status"] == "partial"


def test_a_table_locked_against_everybody_hides_nothing_else(cli: Cli, seeded: Database) -> None:
    seeded.run("create extension if not exists pg_stat_statements")
    with seeded.connect() as holder:
        holder.execute("begin; lock table public.messages, public.users in access exclusive mode")
        started = time.monotonic()
        reports = by_name(answer(cli, seeded.url))
        assert time.monotonic() - started < 5
        by_table = {row["object"]: row for row in reports["tables"]["rows"]}
        holder.execute("rollback")
    assert [name for name, report in reports.items() if report["status"] == "not evaluated"] == []
    assert {name for name, row in by_table.items() if row["is_locked"]} == {"public.messages", "public.users"}
    assert by_table["public.messages"]["size_bytes"] > 0
    assert by_table["public.attachments"]["size_bytes"] == seeded.one("select pg_total_relation_size('public.attachments')")


def test_the_lock_tree_is_the_servers_not_a_guess(cli: Cli, seeded: Database) -> None:
    with queue(seeded, "public.attachments") as pids:
        found = answer(cli, seeded.url, "locks")["reports"][0]
    # The reader in front holds up the change, and the change holds up the readers behind it.
    shape = [(row["session"].count("  "), row["session"].strip(" -")) for row in found["rows"]]
    assert shape[:2] == [(0, str(pids[0])), (1, str(pids[1]))]
    assert sorted(shape[2:]) == sorted([(2, str(pids[2])), (2, str(pids[3]))])
    assert found["rows"][1]["wants"] == "AccessExclusiveLock on public.attachments"
    (finding,) = found["findings"]
    assert finding["fix"] == f"select pg_terminate_backend({pids[0]});"


def test_without_the_extension_the_statement_that_creates_it(cli: Cli, migrated: Database) -> None:
    migrated.run("drop extension if exists pg_stat_statements")
    (report,) = answer(cli, migrated.url, "queries")["reports"]
    assert report["status"] == "not evaluated"
    assert unseen(report) == ["create extension pg_stat_statements;"]
    assert "not evaluated: " in cli("report", "--url", migrated.url).out
    migrated.run(unseen(report)[0])
    assert answer(cli, migrated.url, "queries")["reports"][0]["status"] != "not evaluated"


@pytest.mark.parametrize("how", ["version '1.7'", 'schema "Über wachung"'])
def test_an_old_or_hidden_view_is_read_as_it_is(cli: Cli, migrated: Database, how: str) -> None:
    migrated.run('drop extension if exists pg_stat_statements; create schema "Über wachung"')
    migrated.run(f"create extension pg_stat_statements {how}")
    for _ in range(7):
        migrated.run("select pg_sleep(0.002), 'of this test'")
    mine = [row for row in answer(cli, migrated.url, "queries")["reports"][0]["rows"] if "pg_sleep" in row["query"]]
    assert [row["calls"] for row in mine] == [7]
    assert mine[0]["total_ms"] == pytest.approx(mine[0]["mean_ms"] * 7)
    assert mine[0]["mean_ms"] >= 2


def test_times_that_are_not_measured_are_not_zero(cli: Cli, migrated: Database) -> None:
    migrated.run("create extension if not exists pg_stat_statements")
    migrated.run("alter database " + migrated.name + " set track_io_timing = off")
    report = answer(cli, migrated.url, "queries")["reports"][0]
    assert {row["io_ms"] for row in report["rows"]} == {None}
    (io,) = [f for f in report["findings"] if f["check"] == "io"]
    assert (io["severity"], io["fix"]) == ("no verdict", "alter system set track_io_timing = on; select pg_reload_conf();")


def test_no_password_leaves_the_server(cli: Cli, migrated: Database) -> None:
    name = f"keeper_{uuid.uuid4().hex[:8]}"
    migrated.run("create extension if not exists pg_stat_statements")
    with migrated.connect() as session:
        session.execute("begin")
        session.execute(f"create role {name} password 'hunter2secret'".encode())
        open_ = cli("report", "transactions", "--json", "--url", migrated.url).out
        session.execute("rollback")
    assert name in open_
    for form in ("--json", "--csv", "--html", "--markdown"):
        result = cli("report", "queries", form, "--url", migrated.url)
        assert "create role" in result.out
        assert "hunter2secret" not in result.out + open_
