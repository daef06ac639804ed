"""Reports as CSV, Markdown and OpenMetrics: complete, exact, and whatever stands in a name or a query stays text."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from html import escape
from typing import Any

import pytest
from markdown_it import MarkdownIt

from chatschema.report.forms import markdown, openmetrics, separated
from chatschema.report.result import STATUSES, Coverage, Finding, Gap, Result
from tests.support.cli import Cli
from tests.support.database import Database

HOSTILE = 'a,b "c" | `d` <e>\\ \n*f* [g](h)'
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COVERAGE = Coverage("18.6", 180006, "chat", "dba", "10.0.0.1", False, NOW, NOW - timedelta(days=2), (), {}, (), None, True, True, 0)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def hostile(migrated: Database) -> Database:
    """A migrated database with a name that means something in every form, twice the same index, and queries that were run."""
    migrated.run("create extension if not exists pg_stat_statements")
    migrated.run(f"create index {quoted(HOSTILE)} on users (created_at)")
    migrated.run("create index again on users (created_at)")
    migrated.run("select 'kept secret', count(*) from users where display_name = 'x'")
    return migrated


def result(rows: list[dict[str, Any]], **changes: Any) -> Result:
    columns = tuple(rows[0]) if rows else ()
    given = {"report": "r", "title": "a title.", "status": "ok", "findings": [], "gaps": [], "duration_ms": 2.5, **changes}
    return Result(columns=columns, rows=rows, **given)


def finding(**changes: Any) -> Finding:
    given = {"id": "r.c:o", "report": "r", "check": "c", "object": "o", "severity": "warn", "message": "m", "value": 2.0,
             "threshold": 1.0, "fix": None, "undo": None, **changes}  # fmt: skip
    return Finding(**given)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_the_rows_of_one_report_as_the_server_gave_them(cli: Cli, hostile: Database) -> None:
    done = cli("report", "indexes", "--csv", "--url", hostile.url)
    assert done.code == 0, done.err
    rows = {row["object"]: row for row in table(done.out)}
    known = {row["object"]: row for row in cli("report", "indexes", "--json", "--url", hostile.url).json()["reports"][0]["rows"]}
    assert rows.keys() == known.keys()
    assert rows[f"public.{quoted(HOSTILE)}"]["size_bytes"] == str(hostile.one("select pg_relation_size('again')"))
    assert {row["is_kept"] for row in rows.values()} == {"true", "false"}


def test_csv_of_the_overview_has_every_finding_and_what_was_not_seen(cli: Cli, hostile: Database) -> None:
    hostile.run("create role reads_nothing login password 'tiger99'")
    try:
        url = hostile.server.url(hostile.name, user="reads_nothing", password="tiger99")
        rows = table(cli("report", "--csv", "--url", url).out)
        reports = cli("report", "--json", "--url", url).json()["reports"]
    finally:
        hostile.run("drop role reads_nothing")
    expected = [one["id"] for report in reports for one in report["findings"]]
    expected += [report["name"] for report in reports for _ in report["gaps"]]
    assert sorted(row["id"] for row in rows) == sorted(expected)
    ranks = [STATUSES.index(row["severity"]) for row in rows]
    assert ranks == sorted(ranks)
    (twice,) = [row for row in rows if row["id"].startswith("indexes.duplicate")]
    assert twice["fix"].startswith("drop index concurrently")
    (hidden,) = [row for row in rows if row["id"] == "queries"]
    assert hidden["severity"] == "not evaluated"
    assert hidden["fix"] == 'grant pg_read_all_stats to "reads_nothing";'


def test_csv_keeps_line_ends_in_texts_and_rounds_nothing() -> None:
    row = {"a": "x\r\ny\rz", "at": datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "n": Decimal(9223372036854775807),
           "big": Decimal("1E+3"), "none": None, "on": True, "list": ["p", "q"]}  # fmt: skip
    text = separated.text([result([row])], COVERAGE, is_overview=False)
    assert text.count("\n") == 3
    (read,) = table(text)
    assert read == {"a": "x\r\ny\rz", "at": "2025-12-31T23:00:00Z", "n": "9223372036854775807", "big": "1000", "none": "", "on": "true",
                    "list": '["p", "q"]'}  # fmt: skip


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


def test_markdown_shows_names_as_they_are_and_fixes_as_they_run(cli: Cli, hostile: Database) -> None:
    done = cli("report", "indexes", "--markdown", "--url", hostile.url)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    tables = [line for line in lines if line.startswith("|")]
    head = next(at for at, line in enumerate(tables) if "| object | table |" in line)
    assert {len(cells(line)) for line in tables[head:]} == {len(cells(tables[head]))}
    known = cli("report", "indexes", "--json", "--url", hostile.url).json()["reports"][0]
    assert len(tables[head + 2 :]) == len(known["rows"]), "a table of Markdown has no limit"
    # As a reader of GitHub's dialect shows it: no link, no emphasis, no tag; a line end is a blank.
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(done.out)
    assert f"<td>{escape(f'public.{quoted(HOSTILE)}'.replace(chr(10), ''), quote=False)}</td>".replace('"', "&quot;") in page
    assert not re.search("<(a|em|e|del|img)[ >]", page)
    for one in known["findings"]:
        if one["fix"]:
            assert f"```sql\n{one['fix']}" in done.out


def test_markdown_of_the_overview_leaves_out_what_is_known_and_names_what_passed() -> None:
    results = [
        result([{"object": "o", "size_bytes": 1}], report="one", findings=[finding(), finding(severity="critical", message="worse"),
               finding(message="known", suppressed="so it is")], status="critical"),
        result([], report="two", gaps=[Gap("it is hidden", "grant it")], status="partial"),
        result([], report="three"),
    ]  # fmt: skip
    text = markdown.text(results, COVERAGE, is_overview=True)
    rows = [cells(line) for line in text.splitlines() if line.startswith("|")][2:]
    assert [row[1].strip() for row in rows] == ["critical", "warn", "not evaluated"]
    assert "ok: three" in text
    assert "suppressed in chatschema.toml: 1" in text
    assert "statistics since 2026-11-21 12:00 UTC" in text


def test_markdown_of_a_fix_with_a_fence_in_it_stays_inside_its_own() -> None:
    fix = 'drop index "a\n```\n# b";'
    text = markdown.text(
        [result([], findings=[finding(object="o\n```", fix=fix, undo="create\n````x")])], COVERAGE, is_overview=False
    )
    opened = text.index("`````sql\n")
    assert text[opened:].split("\n`````\n")[0].endswith("-- ````x")
    assert "\n```\n# b" in text[opened:]
    assert "\n```" not in text[:opened]


def test_markdown_keeps_the_indent_of_a_tree() -> None:
    text = markdown.text([result([{"session": "1"}, {"session": "  - 2"}])], COVERAGE, is_overview=False)
    assert "| &nbsp;&nbsp;- 2 |" in text


SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parsed(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return values by metric and labels but the database; fail on what the text formats forbid."""
    *lines, end, nothing = text.split("\n")
    assert (end, nothing) == ("# EOF", "")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    family = kind = ""
    said: list[str] = []
    for line in lines:
        if line.startswith("#"):
            _, word, name, rest = line.split(" ", 3)
            if name != family:
                assert word == "TYPE", line
                assert name not in found, f"{name} is in two places"
                family, kind, said = name, rest, []
                found[family] = {}
            assert word not in said, line
            assert word != "UNIT" or name.endswith(f"_{rest}"), line
            said.append(word)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        assert name == (f"{family}_info" if kind == "info" else family), line
        assert {"TYPE", "HELP"} <= {*said}, line
        assert ("UNIT" in said) == (re.search("_(bytes|seconds|ratio)$", family) is not None), line
        names = LABEL.findall(labels or "")
        assert "database" in dict(names), line
        key = tuple(sorted((one, unescaped(value)) for one, value in names if one != "database"))
        assert len({one for one, _ in key}) == len(key), line
        assert key not in found[family], f"twice: {line}"
        found[family][key] = float(value)
    return found


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)


def test_openmetrics_of_the_overview_is_valid_and_has_no_query_in_it(cli: Cli, hostile: Database) -> None:
    with hostile.connect() as connection:
        for length in range(60):
            connection.execute(("select 1" + " + 1" * length).encode())
    done = cli("report", "--openmetrics", "--url", hostile.url)
    assert done.code == 0, done.err
    found = parsed(done.out)
    reports = {report["name"]: report for report in cli("report", "--json", "--url", hostile.url).json()["reports"]}
    assert {dict(key)["report"] for key in found["chatschema_report_status"]} == reports.keys()
    assert found["chatschema_report_findings"][("check", "duplicate"), ("report", "indexes"), ("severity", "warn")] == 1
    sizes = found["chatschema_report_indexes_size_bytes"]
    assert sizes[(("object", f"public.{quoted(HOSTILE)}"),)] == hostile.one("select pg_relation_size('again')")
    calls = found["chatschema_report_queries_calls_total"]
    assert len(calls) == 50
    assert all([name for name, _ in key] == ["queryid"] for key in calls)
    assert "select" not in done.out.lower()


def test_openmetrics_has_base_units_and_the_code_of_each_status() -> None:
    rows: list[dict[str, Any]] = [
        {"object": 'a\\b"c\nd', "size_bytes": 3, "mean_ms": 1500.0, "hit_pct": Decimal("99.5"), "seen_at": NOW, "is_on": True, "note": "x"},
        {"object": "e", "size_bytes": None, "mean_ms": float("nan"), "hit_pct": None, "seen_at": None, "is_on": False, "note": None},
    ]  # fmt: skip
    results = [result(rows), *(result([], report=status.replace(" ", "_"), status=status) for status in STATUSES)]
    found = parsed(openmetrics.text(results, COVERAGE, is_overview=True))
    first = (("object", 'a\\b"c\nd'),)
    assert found["chatschema_report_r_size_bytes"] == {first: 3}
    assert found["chatschema_report_r_mean_seconds"][first] == 1.5
    assert found["chatschema_report_r_hit_ratio"] == {first: pytest.approx(0.995)}
    assert found["chatschema_report_r_seen_timestamp_seconds"] == {first: NOW.timestamp()}
    assert [*found["chatschema_report_r_is_on"].values()] == [1, 0]
    assert "chatschema_report_r_note" not in found
    codes = [found["chatschema_report_status"][(("report", status.replace(" ", "_")),)] for status in reversed(STATUSES)]
    assert codes == [0, 1, 2, 3, 4, 5, 6]
    assert found["chatschema_report_window_seconds"] == {(): 2 * 86400}


def test_openmetrics_tells_rows_of_one_object_apart_and_skips_those_of_none() -> None:
    rows = [
        {"object": "app@chat", "sessions": at, "state": state, "query": f"select {at}"}
        for at, state in enumerate(("idle", "active"))
    ]
    sessions = [{"session": "17", "waits_ms": 5, "object": None}]
    found = parsed(openmetrics.text([result(rows), result(sessions, report="locks")], COVERAGE, is_overview=True))
    assert found["chatschema_report_r_sessions"] == {
        (("object", "app@chat"), ("state", "idle")): 0,
        (("object", "app@chat"), ("state", "active")): 1,
    }
    assert not any(name.startswith("chatschema_report_locks") for name in found)


def many() -> Iterator[dict[str, Any]]:
    for at in range(80):
        yield {"n": at, "query": f"select {at}", "calls": at, "queryid": str(at), "object": None}


def test_openmetrics_has_the_first_fifty_queries_by_number() -> None:
    found = parsed(openmetrics.text([result([*many()], report="queries")], COVERAGE, is_overview=False))
    assert [key[0] for key in found["chatschema_report_queries_calls"]] == [("queryid", str(at)) for at in range(50)]
    assert "chatschema_report_queries_n" not in found
