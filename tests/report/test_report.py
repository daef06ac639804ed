"""report: the overview, one report, its explanation, and what a CI job makes of it."""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatschema.values import TABLES
from tests.database.test_status import on_terminal
from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.reports import FSYNC, answer

NASTY = "\u202e[/b][red] 'Üñï \"x\n%s{0}"
DUPLICATE = "indexes.duplicate:public.idx_users_again"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def repeated(migrated: Database, tmp_path: Path) -> Database:
    """A database with one finding: an index that is there twice."""
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    migrated.run("create extension if not exists pg_stat_statements")
    migrated.run("create index idx_users_status on public.users (status); create index idx_users_again on public.users (status)")
    migrated.run("alter index public.idx_users_status rename to idx_users_twice")
    return migrated


def test_the_overview_has_one_line_a_check_worst_first(cli: Cli, repeated: Database) -> None:
    result = cli("report", "--url", repeated.url)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert re.fullmatch(r"PostgreSQL [\d.]+, database \w+, as \w+; statistics since \S+ \S+ UTC \([\d.]+ \w+\)", lines[0])
    words = [line.split()[0] for line in lines[3 : lines.index("", 3)]]
    order = ["CRIT", "WARN", "?", "info", "-"]
    assert words == sorted(words, key=order.index)
    assert [line for line in lines if line.startswith("WARN  indexes.duplicate  public.idx_users_")]
    (passed,) = [line for line in lines if line.startswith("ok: ")]
    assert "sequences" in passed
    assert "indexes" not in passed
    assert "suppressed in chatschema.toml: 1" in result.out
    assert lines[-1] == "next: chatschema report indexes"


def test_one_report_names_the_fix_and_what_takes_it_back(cli: Cli, repeated: Database) -> None:
    result = cli("report", "indexes", "--url", repeated.url)
    assert result.code == 0, result.err
    assert re.search(r"WARN duplicate: public\.idx_users_\w+: the same as public\.idx_users_\w+, \d+ (bytes|kB)", result.out)
    assert re.search(r"fix: drop index concurrently public\.idx_users_\w+;\n +undo: CREATE INDEX CONCURRENTLY", result.out)
    assert "chatschema report explain indexes" in result.out


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "sql" / "reports").glob("*.sql")))
def test_every_report_explains_itself(cli: Cli, name: str) -> None:
    result = cli("report", "explain", name)
    assert result.code == 0, result.err
    assert "Threshold" not in result.out
    document = cli("report", "explain", name, "--json").json()
    assert len(document["why"]) > 60
    assert document["checks"]
    for threshold in document["thresholds"]:
        assert f"{{{threshold}}}" in document["sql"], "a threshold that decides nothing"
    for check in document["checks"]:
        # Files of this machine are looked at without the server.
        assert f"'{check}'" in document["sql"] or check == "files", "a check that is never reported"
    for check in re.findall(r"'(\w+)' as check_name", document["sql"]):
        assert check in document["checks"], "a check that is not explained"


def test_the_list_has_every_report_and_so_has_the_help(cli: Cli) -> None:
    listed = {report["name"] for report in cli("report", "--list", "--json").json()}
    assert listed == {path.stem for path in (ROOT / "sql" / "reports").glob("*.sql")}
    manual = (ROOT / "docs" / "reference" / "reports.md").read_text()
    for report in cli("report", "--list", "--json").json():
        assert re.search(rf"^\| `{report['name']}` \|[^|]*\| {', '.join(report['checks'])} \|$", manual, re.MULTILINE), report[
            "name"
        ]
    text, help = cli("report", "--list").out, cli("report", "--help").out
    assert all(re.search(rf"^\s*{name} ", text, re.MULTILINE) and re.search(rf"^\s+{name} ", help, re.MULTILINE) for name in listed)


def test_a_report_is_one_file_and_nothing_else(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    # The one in the manual.
    (example,) = re.findall(
        r"```sql[^\n]*\n(-- sessions: .*?)```", (ROOT / "docs" / "how-to" / "add-report.md").read_text(), re.DOTALL
    )
    (tmp_path / "sql" / "reports" / "sessions.sql").write_text(example)
    (tmp_path / "chatschema.toml").write_text("[report.sessions]\nmost = 1\n")
    options = ("--sql-dir", "sql", "--url", seeded.url)
    result = cli("report", "sessions", *options)
    assert result.code == 0, result.err
    most = seeded.all(
        "select username, count(*) from public.users join public.auth_sessions as s on s.user_id = users.id group by 1 order by 2 desc"
    )
    assert f"WARN crowd: {most[0][0]}: {most[0][1]} sessions" in result.out
    assert "each session that is not ended can be stolen." in cli("report", "explain", "sessions", "--sql-dir", "sql").out
    overview = cli("report", "--json", *options).json()
    assert f"sessions.crowd:{most[0][0]}" in [f["id"] for report in overview["reports"] for f in report["findings"]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- other: a title.\nselect 1", "its first line is not"),
        ("-- sessions: a title.\n-- Treshold x = 1: y\nselect 1", "'-- Treshold x = 1: y' is not understood"),
        ("-- sessions: a title.\n-- Runs on: mondays\nselect 1", "is not understood"),
        ("-- sessions: a title.\nselect 1; select 2", "2 statements"),
        ("-- sessions: a title.\nselect 1 as one", "severity"),
        ("-- sessions: a title.\nselect {unknown}", "unknown"),
    ],
)
def test_a_report_that_is_wrong_says_where(cli: Cli, migrated: Database, tmp_path: Path, text: str, says: str) -> None:
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    (tmp_path / "sql" / "reports" / "sessions.sql").write_text(text)
    result = cli("report", "sessions", "--sql-dir", "sql", "--url", migrated.url)
    assert result.code == 1, result.out
    assert says in result.err
    assert "bug" not in result.err


def test_an_unknown_report_or_threshold_is_wrong_usage(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    near = cli("report", "indices", "--url", migrated.url)
    assert (near.code, "did you mean: chatschema report indexes" in near.err) == (2, True)
    assert cli("report", "explain", "nothing").code == 2
    assert cli("report", "--json", "--csv", "--url", migrated.url).code == 2
    assert cli("report", "--fail-on", "info", "--url", migrated.url).code == 2
    assert "the columns are" in cli("report", "tables", "--sort", "nothing", "--url", migrated.url).err
    for toml, says in (
        ("[report.indexes]\nunused_day = 1\n", "unused_day is not a threshold"),
        ("[report.indices]\nunused_days = 1\n", "did you mean: chatschema report indexes"),
        ('[report.indexes]\nunused_days = "1"\n', "is not a number"),
        ("[report]\nfail_on = 1\n", "is not a valid setting"),
        ('[[report.suppress]]\nfinding = "x"\nuntil = 2027-01-01\n', "needs finding, reason and until"),
        ('[[report.suppress]]\nfinding = "x"\nreason = "y"\nuntil = "soon"\n', "is not a date"),
    ):
        (tmp_path / "chatschema.toml").write_text(toml)
        result = cli("report", "--url", migrated.url)
        assert (result.code, says in result.err) == (2, True), result.err


def test_names_are_data_whatever_they_hold(cli: Cli, repeated: Database) -> None:
    repeated.run(f"create index {quoted(NASTY + '1')} on public.users (created_at)")
    repeated.run(f"create index {quoted(NASTY + '2')} on public.users (created_at)")
    document = answer(cli, repeated.url, "indexes")
    (finding,) = [f for f in document["reports"][0]["findings"] if "Üñï" in (f["object"] or "")]
    assert "[/b]" in finding["object"]
    for form in ("", "--csv", "--markdown", "--openmetrics", "--html"):
        result = cli("report", "indexes", *([form] if form else []), "--url", repeated.url)
        assert result.code == 0, result.err
        assert "Üñï" in html.unescape(result.out)
    people = cli("report", "indexes", "--url", repeated.url).out + cli("report", "--url", repeated.url).out
    assert not [character for character in people if not character.isprintable() and character != "\n"]
    assert "Üñï" in on_terminal(repeated, 80, "report", "indexes", "--full")
    repeated.run(finding["fix"])
    assert not [f for f in answer(cli, repeated.url, "indexes")["reports"][0]["findings"] if "Üñï" in (f["object"] or "")]


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_a_table_fits_its_terminal_and_says_what_it_left_out(repeated: Database, columns: int) -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", on_terminal(repeated, columns, "report", "tables", NO_COLOR="1"))
    table = [line for line in text.splitlines() if line.startswith((" public.", "public."))]
    assert len(table) >= len(TABLES)
    assert max(len(line) for line in table) <= columns
    assert ("columns that do not fit: " in text) is (columns < 160)
    assert "\x1b[3" not in on_terminal(repeated, columns, "report", NO_COLOR="1")


def test_a_table_can_be_sorted_cut_and_piped(cli: Cli, repeated: Database) -> None:
    full = cli("report", "tables", "--sort", "index_s", "--limit", "3", "--url", repeated.url)
    assert "index scans ▼" in full.out
    assert re.search(r"^3 of \d+ rows; show all: --limit 0$", full.out, re.MULTILINE)
    listed = cli("report", "tables", "--limit", "0", "--url", repeated.url).out
    assert len([line for line in listed.splitlines() if line.startswith("public.")]) == len(TABLES)
    assert "…" not in listed


def test_a_terminal_without_unicode_gets_what_it_can_show(cli: Cli, repeated: Database) -> None:
    # The encoding is chosen when Python starts, so it is started.
    def run(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-m", "chatschema", "report", *arguments, "--url", repeated.url]
        return subprocess.run(command, env=clean_environment({"PYTHONIOENCODING": "ascii"}), capture_output=True, check=False)

    repeated.run('create index "Größe" on public.users (created_at)')
    table = run("indexes", "--sort", "size", "--limit", "0")
    assert (table.returncode, b"Gr??e" in table.stdout) == (0, True), table.stderr
    assert '"public.\\"Gr\\u00f6\\u00dfe\\""' in run("indexes", "--json").stdout.decode("ascii")
