"""What a CI job makes of a report: it fails on what is new, worse or unseen, and on nothing else, and never passes by mistake."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import FSYNC, answer


@pytest.fixture
def repeated(migrated: Database, tmp_path: Path) -> Database:
    """A database with one finding: an index that is there twice."""
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    migrated.run("create extension if not exists pg_stat_statements")
    migrated.run("create index idx_users_twice on public.users (status); create index idx_users_again on public.users (status)")
    return migrated


def test_a_job_fails_on_findings_and_not_on_known_ones(cli: Cli, repeated: Database, tmp_path: Path) -> None:
    gate = ("report", "--fail-on", "warn", "--url", repeated.url)
    failed = cli(*gate)
    assert failed.code == 3
    id = re.findall(r"fails: (indexes\.duplicate:\S+) is warn", failed.err)[0]
    assert cli("report", "--fail-on", "critical", "--url", repeated.url).code == 0
    assert cli("report", "cache", "--fail-on", "warn", "--url", repeated.url).code == 0

    toml = FSYNC + f'[[report.suppress]]\nfinding = "{id[:-6]}*"\nreason = "until the release"\nuntil = %s\n'
    today = datetime.now(UTC).date()
    (tmp_path / "chatschema.toml").write_text(toml % today)
    assert cli(*gate).code == 0
    assert "until the release" in cli("report", "indexes", "--url", repeated.url).out
    (tmp_path / "chatschema.toml").write_text(toml % (today - timedelta(days=1)))
    expired = cli(*gate)
    assert expired.code == 3
    assert "expired on" in expired.err


def test_a_baseline_tolerates_what_was_there_and_is_no_worse(cli: Cli, repeated: Database, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text(cli("report", "--json", "--url", repeated.url).out)
    gate = ("report", "--fail-on", "warn", "--baseline", str(baseline), "--url", repeated.url)
    assert cli(*gate).code == 0
    repeated.run("create index idx_keys_again on public.user_public_keys (user_id, device_id, key_type)")
    repeated.run("create index idx_keys_twice on public.user_public_keys (user_id, device_id, key_type)")
    new = cli(*gate)
    assert new.code == 3
    assert "idx_users" not in new.err
    assert "user_id" not in new.err
    repeated.run("drop index public.idx_keys_again, public.idx_keys_twice")
    # The same finding, but larger.
    known = json.loads(baseline.read_text())
    for report in known["reports"]:
        for finding in report["findings"]:
            finding["value"] = finding["value"] and finding["value"] / 1.2
    baseline.write_text(json.dumps(known))
    assert cli(*gate).code == 3
    for broken in ("{", "[]", '{"reports": [{}]}'):
        baseline.write_text(broken)
        assert cli(*gate).code == 2


def test_a_percentage_is_worse_when_what_was_left_is_gone(cli: Cli, repeated: Database, tmp_path: Path) -> None:
    repeated.run("drop index public.idx_users_twice; create sequence public.near as integer")
    repeated.one("select setval('public.near', 1954210119)")
    baseline = tmp_path / "baseline.json"
    baseline.write_text(cli("report", "sequences", "--json", "--url", repeated.url).out)
    gate = ("report", "sequences", "--fail-on", "warn", "--baseline", str(baseline), "--url", repeated.url)
    assert cli(*gate).code == 0
    repeated.one("select setval('public.near', 2145336163)")
    assert cli(*gate).code == 3


def test_two_of_one_kind_are_not_one_that_was_known(cli: Cli, repeated: Database, tmp_path: Path) -> None:
    document = json.loads(cli("report", "indexes", "--json", "--url", repeated.url).out)
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps(document))
    gate = ("report", "indexes", "--fail-on", "warn", "--baseline", str(baseline), "--url", repeated.url)
    assert cli(*gate).code == 0
    suppressed = [{**finding, "suppressed": "then"} for finding in document["reports"][0]["findings"]]
    changes: list[dict[str, Any]] = [{"findings": []}, {"findings": suppressed}]
    for change in changes:
        baseline.write_text(json.dumps({"reports": [change]}))
        assert cli(*gate).code == 3
    baseline.write_text(json.dumps({"reports": [{"findings": [{"id": "x", "severity": "bad", "value": 1, "suppressed": None}]}]}))
    assert cli(*gate).code == 2


def test_options_that_would_not_count_are_refused(cli: Cli, repeated: Database) -> None:
    misplaced = cli("report", "--fail-on", "warn", "--url", repeated.url, "indexes")
    assert (misplaced.code, "chatschema report indexes --fail-on" in misplaced.err) == (2, True)
    elsewhere = cli("report", "--url", "postgresql://nobody@192.0.2.1/none", "wraparound")
    assert (elsewhere.code, elsewhere.out) == (2, "")
    for options in (["--allow-partial"], ["--watch", "0.1"], ["--watch", "1", "--fail-on", "warn"]):
        assert cli("report", *options, "--url", repeated.url).code == 2
    assert cli("report", "queries", "--explain", "1", "--fail-on", "warn", "--url", repeated.url).code == 2
    assert "there is no report report" in cli("report", "report", "--url", repeated.url).err


def test_one_report_that_cannot_run_does_not_take_the_others_along(cli: Cli, repeated: Database, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    for name, query in (("broken", "select nonsense from nowhere"), ("late", "select timestamptz '10889-08-02' as at")):
        columns = "null as severity, null as check_name, null as object, null as message, null as value, null as threshold, null as fix, null as undo"
        (tmp_path / "sql" / "reports" / f"{name}.sql").write_text(
            f"-- {name}: a title.\n" + query.replace("select ", f"select {columns}, ", 1)
        )
    options = ("--sql-dir", "sql", "--url", repeated.url)
    reports = {report["name"]: report for report in cli("report", "--json", *options).json()["reports"]}
    assert {name for name, report in reports.items() if report["status"] == "not evaluated"} == {"broken", "late"}
    assert "nowhere" in reports["broken"]["gaps"][0]["what"]
    gate = cli("report", "--fail-on", "critical", *options)
    assert (gate.code, "broken was not evaluated" in gate.err) == (3, True)


def test_a_name_cannot_speak_to_the_log_or_the_terminal(cli: Cli, repeated: Database) -> None:
    repeated.run(b'create table public."x\n::error::pwned\x1b]0;pwned\x07" (a integer)'.decode("unicode_escape"))
    repeated.run(
        'create index "i1\n::error::one" on public.users (created_at); create index "i2\n::error::two" on public.users (created_at)'
    )
    gate = cli("report", "--fail-on", "warn", "--url", repeated.url)
    assert gate.code == 3
    tables = cli("report", "tables", "--limit", "0", "--url", repeated.url)
    for text in (gate.out, gate.err, tables.out):
        assert not re.search(r"^::error", text, re.MULTILINE)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


def test_a_role_with_another_date_style_is_understood(cli: Cli, repeated: Database) -> None:
    repeated.run(
        f"alter database {repeated.name} set datestyle = 'SQL, DMY'; alter database {repeated.name} set intervalstyle = 'sql_standard'"
    )
    assert answer(cli, repeated.url, "tables")["statistics_since"].startswith("20")


def test_a_replica_is_of_the_same_cluster(cli: Cli, repeated: Database, seeded: Database) -> None:
    refused = cli("report", "indexes", "--replica", seeded.url, "--url", repeated.url)
    assert (refused.code, "is not a node of this cluster" in refused.err) == (2, True)
    assert cli("report", "indexes", "--replica", repeated.url, "--url", repeated.url).code == 0
