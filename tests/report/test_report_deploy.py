"""What a deploy did to the queries: more calls a transaction, or a call that costs more; and what is chance, or work done once."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.moments import add_notes, ask, compared, edited, index_of, query_of, snapshot

ONE = "select body from public.note where id = %s"
BY_AUTHOR = "select count(body) from public.note where author = %s"
WRITE = "update public.note set body = %s where id = 7"


@pytest.fixture
def noted(empty: Database) -> Database:
    add_notes(empty)
    return empty


def transactions(db: Database, work: Callable[[Any], None], count: int) -> None:
    """Do the work in so many transactions, and wait until the server has counted them."""
    counted = "select xact_commit from pg_stat_database where datname = current_database()"
    goal = db.one(counted) + count
    with db.connect() as connection:
        for _ in range(count):
            with connection.transaction():
                work(connection)
    for _ in range(20):
        time.sleep(0.2)
        if db.one(counted) >= goal:
            return


def page(times: int) -> Callable[[Any], None]:
    def work(connection: Any) -> None:
        connection.execute(BY_AUTHOR, (7,))
        connection.execute(WRITE, ("y",))
        for number in range(times):
            connection.execute(ONE, (number,))

    return work


def test_one_query_asked_eight_times_a_transaction(cli: Cli, noted: Database, tmp_path: Path) -> None:
    """Each call costs what it did; the deploy's own bookkeeping is the truth: 200 x 1 calls before, 200 x 8 since."""
    transactions(noted, page(1), 200)
    snapshot(cli, noted, "a.json")
    transactions(noted, page(8), 200)
    snapshot(cli, noted, "b.json")
    document = compared(cli, "a.json", "b.json")
    assert [query["query"] for query in document["queries"] if query["state"] == "regressed"] == [ONE.replace("%s", "$1")]
    worst = document["queries"][0]
    (reason,) = worst["reasons"]
    assert (reason["measure"], reason["factor"]) == ("calls_per_transaction", pytest.approx(8, rel=0.1))
    # Transactions of autovacuum count as well: a busy machine makes it 7.5, and the blocks a few per cent more or less.
    assert worst["between"]["calls_per_transaction"] == pytest.approx(8, rel=0.1)
    assert worst["before"]["calls_per_transaction"] == pytest.approx(1, rel=0.1)
    assert worst["extra_blocks"] == pytest.approx(1400 * worst["between"]["blocks_per_call"], rel=0.1)
    result = cli("report", "diff", "a.json", "b.json", "--fail-on-regression")
    assert result.code == 3
    between, before = (worst[sample]["calls_per_transaction"] for sample in ("between", "before"))
    assert re.search(rf"^ +{between:.1f} calls per transaction, {before:.1f} before;", result.out, re.MULTILINE)
    assert result.err.count("fails: ") == 1

    # Where the queries are counted since later than the transactions, what said commit is the measure.
    taken = json.loads((tmp_path / "a.json").read_text())["origin"]["at"]
    long_ago = {"since": "2020-01-01T00:00:00Z", "transactions": 1_000_000}
    edited(tmp_path / "a.json", "emptied_a.json", statements_reset=taken, **long_ago)
    edited(tmp_path / "b.json", "emptied_b.json", statements_reset=taken, **long_ago | {"transactions": 1_000_200})
    found = query_of(compared(cli, "emptied_a.json", "emptied_b.json"), "select body")
    assert (found["before"]["calls_per_transaction"], found["between"]["calls_per_transaction"]) == (pytest.approx(1, rel=0.02), 8)
    # A former chatschema wrote none down.
    document = json.loads((tmp_path / "a.json").read_text())
    del document["origin"]["transactions"]
    (tmp_path / "former.json").write_text(json.dumps(document))
    found = query_of(compared(cli, "former.json", "b.json"), "select body")
    assert (found["state"], found["between"]["calls_per_transaction"]) == ("same", None)

    # The way back is no regression of anything.
    transactions(noted, page(1), 200)
    document = compared(cli, "b.json", "--url", noted.url)
    assert document["regressed"] == 0


def test_what_is_counted_is_listed(cli: Cli, noted: Database) -> None:
    """What drivers say at the beginning of a session is left out of the table, and that is said."""
    snapshot(cli, noted, "a.json")
    for query in ("select 'one', count(*) from public.note", "select 'two', min(id) from public.note", "set work_mem = '5MB'"):
        noted.run(query)
    noted.run("reset work_mem; show work_mem")
    snapshot(cli, noted, "b.json")
    result = cli("report", "diff", "a.json", "b.json", "--limit", "0")
    listed = [line.split()[0] for line in result.out.splitlines() if line.startswith("new ")]
    document = compared(cli, "a.json", "b.json")
    new = [query["query"] for query in document["queries"] if query["state"] == "new"]
    assert f"{len(listed)} new" in result.out
    assert len(listed) < len(new)
    apart = re.findall(r"^not listed: (\d+) that .*; see --json$", result.out, re.MULTILINE)
    assert len(apart) == 2
    table = result.out[result.out.index("\nqueries: ") : result.out.index("\nnot listed: ")].splitlines()[3:]
    assert sum(map(int, apart)) + len(table) == len(document["queries"])


def test_work_that_was_done_once_leaves_nothing_unused(cli: Cli, noted: Database) -> None:
    """A seed has used an index 60,000 times and a foreign key's 2,000 times; the application goes on as it was."""
    noted.run(
        "create table public.tag (note int references public.note (id));"
        "insert into public.tag select id from public.note;"
        "set enable_seqscan = off; set enable_bitmapscan = off; set enable_memoize = off;"
        "select count(*) from generate_series(1, 60000) as g"
        " cross join lateral (select author from public.note where author = mod(g, 3) limit 1) as n"
    )
    by_body = "select count(*) from public.note where body = %s"
    ask(noted, by_body, ["y"] * 20)
    snapshot(cli, noted, "a.json")
    ask(noted, by_body, ["y"] * 60)
    time.sleep(0.5)
    snapshot(cli, noted, "b.json")
    document = compared(cli, "a.json", "b.json")
    assert index_of(document, "public.note_author")["scans_before"] >= 60000
    assert [index["name"] for index in document["indexes"] if index["state"] != "same"] == []
    result = cli("report", "diff", "a.json", "b.json", "--limit", "0")
    assert "generate_series" not in result.out
    assert re.search(r"^not listed: \d+ that ran a few times before A and not since; see --json$", result.out, re.MULTILINE)


def test_a_table_made_anew_while_its_queries_run(cli: Cli, noted: Database) -> None:
    """Before 18 a query has two numbers then, both called since A, and a driver's comment makes its text another one."""
    query = "select body from public.note where author = %s order by id"
    ask(noted, "/* request 1 */ " + query, [7] * 20)
    snapshot(cli, noted, "a.json")
    ask(noted, query, [7] * 5)
    noted.run(
        "create table public.copy (like public.note); insert into public.copy select * from public.note;"
        "drop table public.note; alter table public.copy rename to note"
    )
    ask(noted, "/* request 2 */ " + query, [7] * 60)
    document = compared(cli, "a.json", "--url", noted.url)
    found = query_of(document, "select body")
    assert (found["before"]["calls"], found["between"]["calls"]) == (20, 65)
    assert found["state"] == "regressed", "the copy has no index"
    assert not [one for one in document["queries"] if one["state"] == "new" and "select body" in one["query"]]
