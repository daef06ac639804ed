"""A comparison looks at what a transaction asks for, counts what it lists, and takes neither a load nor a busy machine for a change."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cli, Database, create
from moments import add_notes, ask, compared, index_of, query_of, snapshot
from servers import PgServer, private, programs

BY_ID = "select body from public.note where id = %s"


@pytest.fixture
def counted(server: PgServer) -> Iterator[Database]:
    """A database on a server of its own, all of whose counters begin together."""
    kind = server.name if server.name in ("embedded", "system") else "system"
    with private(programs(kind), kind) as own:
        for database in create(own, "counted"):
            add_notes(database)
            database.run("select pg_stat_statements_reset(), pg_stat_reset()")
            yield database


def transactions(database: Database, count: int, calls: int) -> None:
    with database.connect() as connection:
        for _ in range(count):
            with connection.transaction():
                for i in range(calls):
                    connection.execute(BY_ID.encode(), (i,))


def test_a_query_in_a_loop_has_regressed(cli: Cli, counted: Database) -> None:
    """One call of a transaction becomes eight, each as cheap as before."""
    transactions(counted, 200, 1)
    snapshot(cli, counted, "a.json")
    transactions(counted, 200, 1)
    same = compared(cli, "a.json", "--url", counted.url)
    assert query_of(same, "select body")["state"] == "same"
    snapshot(cli, counted, "b.json")
    transactions(counted, 200, 8)
    found = query_of(compared(cli, "b.json", "--url", counted.url), "select body")
    assert found["state"] == "regressed"
    assert [reason["measure"] for reason in found["reasons"]] == ["calls_per_transaction"]
    assert found["calls_per_transaction"]["before"] == pytest.approx(1, rel=0.25)
    assert found["calls_per_transaction"]["between"] == pytest.approx(8, rel=0.25)
    # Seven calls of eight are more than before.
    blocks = found["between"]["blocks_per_call"] * found["between"]["calls"]
    assert found["extra_blocks"] == pytest.approx(blocks * 7 / 8, rel=0.1)
    said = cli("report", "diff", "b.json", "--url", counted.url).out
    assert "calls a transaction (x" in said


def test_as_many_are_counted_as_are_listed(cli: Cli, empty: Database) -> None:
    add_notes(empty)
    snapshot(cli, empty, "a.json")
    empty.run("set work_mem = '5MB'; set lock_timeout = '7s'; show work_mem; reset work_mem")
    ask(empty, "select 'x', body from public.note where id = %s", [1])
    out = cli("report", "diff", "a.json", "--limit", "0", "--url", empty.url).out
    line = next(line for line in out.splitlines() if line.startswith("queries: "))
    counted = sum(int(part.split()[0]) for part in line.removeprefix("queries: ").split("; ")[0].split(", "))
    table = out.partition(line)[2].partition("\n\n")[0].strip().splitlines()
    assert counted == len(table) - 1, out
    assert "session statements (set, show, reset, ...) are not listed" in line


def test_a_load_that_has_ended_is_no_index_that_is_no_longer_used(cli: Cli, empty: Database) -> None:
    add_notes(empty)
    empty.run(
        "create table public.reply (note_id int references public.note (id));"
        "insert into public.reply select i % 2000 + 1 from generate_series(1, 30000) as i"
    )
    snapshot(cli, empty, "a.json")
    assert empty.one("select idx_scan from pg_stat_user_indexes where indexrelname = 'note_pkey'") >= 30000
    ask(empty, "select count(body) from public.note where author = %s", [1] * 30)
    time.sleep(0.5)
    index = index_of(compared(cli, "a.json", "--url", empty.url), "public.note_pkey")
    assert (index["state"], index["scans_between"]) == ("same", 0)


def test_a_baseline_knows_a_query_whose_table_was_created_again(cli: Cli, empty: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.queries]\nvery_slow_ms = 0.001\nslow_ms = 0.001\nslow_calls = 1\n")
    add_notes(empty)
    query = "select count(*) from public.note as a, public.note as b where a.author = b.author and a.id = %s"
    gate = ("report", "queries", "--fail-on", "warn", "--allow-partial", "--url", empty.url)
    ask(empty, query, [7] * 5)
    (tmp_path / "base.json").write_text(cli("report", "queries", "--json", "--url", empty.url).out)
    empty.run(
        "create table public.copy (like public.note including all); insert into public.copy select * from public.note;"
        "drop table public.note; alter table public.copy rename to note; analyze public.note"
    )
    empty.run("select pg_stat_statements_reset(0, dbid, queryid) from pg_stat_statements where query like 'select count(%'")
    ask(empty, query, [7] * 5)
    failed = cli(*gate, "--baseline", "base.json")
    assert "select count(*) from public.note" not in failed.err, failed.err
    assert "queries.slow" in cli(*gate).err


def test_a_busy_machine_makes_no_query_regress(cli: Cli, empty: Database, tmp_path: Path) -> None:
    """All queries take three times as long, as on a machine with other work; one takes nine times as long."""
    add_notes(empty)
    queries = [f"select {i}, body from public.note where id = %s limit {i}".replace(f"{i},", "body," * i) for i in range(1, 7)]
    for name, calls in (("a.json", 20), ("b.json", 60)):
        for query in queries:
            ask(empty, query, [1] * calls)
        document = json.loads((tmp_path / snapshot(cli, empty, name)).read_text())
        for one in document["statements"]:
            if "from public.note where id" in (one["query"] or ""):
                one["stddev_ms"] = 0.0
                later = 90 if one["query"].startswith("select body,body,body, body ") else 30
                one["total_ms"] = 10.0 * min(one["calls"], 20) + later * max(one["calls"] - 20, 0)
        (tmp_path / name).write_text(json.dumps(document))
    found = compared(cli, "a.json", "b.json")
    regressed = [query["query"] for query in found["queries"] if query["state"] == "regressed"]
    assert len(regressed) == 1
    assert regressed[0].startswith("select body,body,body, body from")
