"""Reports on a terminal: what is kept where there is little room, how numbers are written, and the means of --watch."""

import re
import time

import pytest

from chatschema.cli.report import cells
from chatschema.report import watch, wording
from tests.database.test_status import on_terminal
from tests.report.damages.waits import Waiting
from tests.support.cli import Cli
from tests.support.database import Database


def plain(database: Database, columns: int, *command: str) -> str:
    return re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", on_terminal(database, columns, *command)).replace("\r", "")


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_the_query_of_a_waiting_session_is_there_however_narrow(seeded: Database, columns: int) -> None:
    update = "update public.users set status = 'away' where username = 'bob'"
    with Waiting(seeded) as sessions:
        sessions.open("forgotten", "begin", update)
        sessions.wait("chat-api", update)
        text = plain(seeded, columns, "report", "locks")
    assert text.count("update public.use") >= 2, text
    table = re.split(r"^(?= *session )", text, flags=re.MULTILINE)[1]
    assert max(len(line.rstrip()) for line in table.splitlines()) <= columns
    assert "query" in table.splitlines()[0]


def test_no_report_has_two_columns_of_one_name(cli: Cli, seeded: Database) -> None:
    seeded.run("create extension if not exists pg_stat_statements")
    for name in cli("report", "--list", "--json").json():
        header = cli("report", name["name"], "--csv", "--url", seeded.url).out.splitlines()
        titles = [wording.title(column) for column in header[0].split(",")] if header else []
        assert len(titles) == len(set(titles)), (name["name"], titles)


def test_a_clean_report_says_so_in_words(cli: Cli, seeded: Database) -> None:
    result = cli("report", "partitions", "--url", seeded.url)
    assert "nothing to do: this report has no findings" in result.out


def test_counts_are_grouped_and_numbers_of_things_are_not() -> None:
    said = "60000 of 100000 rows are dead; session 123456 (app) keeps 12345678 transactions; id = 1234567"
    assert (
        wording.grouped(said) == "60,000 of 100,000 rows are dead; session 123456 (app) keeps 12,345,678 transactions; id = 1234567"
    )


def test_the_mean_of_an_interval_is_that_of_its_calls(seeded: Database, cli: Cli) -> None:
    """A hundred fast calls, then five slow ones: the interval's mean is that of the slow ones, which the server's own sum gives."""
    seeded.run("create extension if not exists pg_stat_statements")

    def look() -> dict[str, object]:
        rows = cli("report", "queries", "--json", "--limit", "0", "--url", seeded.url).json()["reports"][0]["rows"]
        return next(row for row in rows if "nap" in row["query"] and row["query"].startswith("select"))

    with seeded.connect() as connection:
        connection.execute(
            "create function public.nap(s float) returns int language plpgsql as $$ begin perform pg_sleep(s); return 1; end $$"
        )
        for _ in range(100):
            connection.execute("select nap(%s)", (0.001,))
        before = look()
        started = time.monotonic()
        for _ in range(5):
            connection.execute("select nap(%s)", (0.1,))
        took_ms = (time.monotonic() - started) * 1000
        now = look()
    found = watch.means(before, now)
    assert 100 <= found["mean_ms"] <= took_ms / 5
    assert float(str(now["mean_ms"])) < 15
    assert found["rows_per_call"] == pytest.approx(1)
    assert (found["max_ms"], found["stddev_ms"]) == (None, None)
    assert watch.means(now, now)["mean_ms"] is None


def test_what_does_not_fit_is_cut_with_a_mark() -> None:
    rows = [{"session": "1", "wants": "w" * 40, "query": "select " + "q" * 80}]
    fitting, texts = cells.fit(["session", "wants", "query"], {"session": "session", "wants": "wants", "query": "query"}, rows, 60)
    assert fitting == ["session", "query"]
    assert texts[0]["query"].endswith("…")
    assert len(texts[0]["query"]) <= 60 - len("session") - 3
