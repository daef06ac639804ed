"""Metrics as Prometheus' own tool reads them, and how many series a busy database makes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from chatschema.report import definition
from tests.report.damages.waits import Waiting
from tests.report.test_report_forms import parsed
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database


def promtool(text: str) -> None:
    """Fail on what promtool finds in the text; left out where Debian's package prometheus is not."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool on the PATH: apt-get install prometheus")
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.fixture
def busy(seeded: Database) -> Database:
    seeded.run("create extension if not exists pg_stat_statements")
    seeded.run("create extension if not exists pgstattuple")
    return seeded


def test_promtool_has_nothing_to_say(cli: Cli, busy: Database) -> None:
    for name in definition.names(ROOT / "sql"):
        done = cli("report", name, "--openmetrics", "--url", busy.url)
        assert done.code == 0, done.err
        parsed(done.out)
        promtool(done.out)
    for command in (("report",), ("partition", "list")):
        done = cli(*command, "--openmetrics", "--url", busy.url)
        assert done.code == 0, done.err
        promtool(done.out)


def test_sessions_are_no_series_and_what_was_found_of_them_is_one(cli: Cli, busy: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.transactions]\nidle_warn_ms = 0\n")
    with Waiting(busy) as sessions:
        opened = [sessions.open("pool", "begin", "select count(*) from public.users") for _ in range(7)]
        text = cli("report", "--openmetrics", "--url", busy.url).out
        pids = [session.info.backend_pid for session in opened]
    assert not any(re.search(rf'"[^"]*\b{pid}\b', text) for pid in pids)
    found = parsed(text)
    key = (("check", "idle"), ("object", "postgres, pool"), ("report", "transactions"), ("severity", "warn"))
    assert found["chatschema_report_finding_value"][key] >= 0
    assert found["chatschema_report_findings"][("check", "idle"), ("report", "transactions"), ("severity", "warn")] == 7


def test_the_limit_of_connections_and_units(cli: Cli, busy: Database) -> None:
    found = parsed(cli("report", "--openmetrics", "--url", busy.url).out)
    everybody = (("object", "all clients"),)
    limit = busy.one(
        "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        " - coalesce(current_setting('reserved_connections', true), '0')::int"
    )
    assert found["chatschema_report_connections_places"][everybody] == limit
    assert found["chatschema_report_connections_used"][everybody] == 0
    with Waiting(busy) as sessions:
        for _ in range(3):
            sessions.open("pool")
        used = parsed(cli("report", "connections", "--openmetrics", "--url", busy.url).out)["chatschema_report_connections_used"]
    assert used[everybody] == 3
    assert not [name for name in found if name.endswith(("_days", "_ms", "_pct"))]
    runway = found["chatschema_report_partitions_runway_seconds"]
    days = {
        row["object"]: row["runway_days"]
        for row in cli("report", "partitions", "--json", "--url", busy.url).json()["reports"][0]["rows"]
    }
    assert {key[0][1]: value / 86400 for key, value in runway.items()} == days
    writes = found["chatschema_report_tables_inserted_total"][(("object", "public.audit_logs"),)]
    assert writes >= 0


def test_a_thousand_indexes_are_no_thousand_series(cli: Cli, busy: Database) -> None:
    with busy.connect() as connection:
        connection.execute("create table public.wide (" + ", ".join(f"c{at} integer" for at in range(250)) + ")")
        for at in range(250):
            connection.execute(f"create index wide_{at} on public.wide (c{at})".encode())
    found = parsed(cli("report", "indexes", "--openmetrics", "--url", busy.url).out)
    assert len(found["chatschema_report_indexes_size_bytes"]) == 200
