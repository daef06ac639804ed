"""The report on queries: its fix names the cause, waits take no part of the time spent working, and one bad write is enough."""

import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.report.damages import activity
from tests.support.busy import explain
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import findings, rows, run_fix

# More rows than work_mem takes are sorted, so they are written to temporary files.
SPILLING = "select a.attname from pg_attribute as a cross join pg_am as m order by a.attname desc, m.amname"
NUMBERS = (
    "select queryid, calls from pg_stat_statements where query like %s and dbid = (select oid from pg_database where datname = %s)"
)


@pytest.fixture
def counted(migrated: Database) -> Database:
    migrated.run("create extension if not exists pg_stat_statements")
    return migrated


def test_the_fix_of_a_slow_query_names_its_cause_and_resets_nothing(cli: Cli, counted: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.queries]\nvery_slow_ms = 10\nhog_min_ms = 10\n")
    with counted.connect() as session:
        session.execute("set work_mem = '64kB'")
        session.execute(SPILLING.encode())
    ((queryid, _),) = counted.all(NUMBERS, "select a.attname from%", counted.name)
    written = counted.one("select pg_size_pretty(temp_blks_written * 8192) from pg_stat_statements where queryid = %s", queryid)
    found = {f["check"]: f for f in findings(cli, counted, "queries").values() if str(queryid) in (f["object"] or "")}
    assert set(found) == {"slow", "hog"}
    for finding in found.values():
        assert finding["fix"] == f"chatschema report queries --explain {queryid}"
        assert f"each call writes {written} of temporary files" in finding["message"]
    run_fix(cli, counted, found["slow"]["fix"])
    assert counted.all(NUMBERS, "select a.attname from%", counted.name) == [(queryid, 1)]
    assert "temporary files: the query: each call wrote " in explain(cli, counted, "select a.attname from").out


def test_waits_take_no_part_of_the_time_spent_working(cli: Cli, counted: Database, tmp_path: Path) -> None:
    """LOCK and SELECT ... FOR UPDATE wait six times, as long each time; one query works for less than they wait."""
    (tmp_path / "chatschema.toml").write_text("[report.queries]\nvery_slow_ms = 60\nhog_min_ms = 20\nhog_pct = 60\n")
    counted.run("create table public.waited (id integer); insert into public.waited values (1)")
    with closing(psycopg.connect(counted.url)) as holder, counted.connect() as waiter:
        for statement in ("lock table public.waited", "select id from public.waited where id > 0 for update") * 6:
            holder.execute("select id from public.waited for update")
            threading.Timer(0.1, holder.commit).start()
            with waiter.transaction():
                waiter.execute(statement.encode())
        # It computes, as long each time: a wait would differ.
        for _ in range(6):
            waiter.execute("select count(*) from pg_catalog.pg_attribute as a, generate_series(1, 900)")
    found = findings(cli, counted, "queries")
    hogs = {f["object"].split(": ")[1][:15]: f["value"] for f in found.values() if f["check"] == "hog"}
    assert list(hogs) == ["select count(*)"]
    shares = {query: row["share_pct"] for query, row in rows(cli, counted, "queries", "--limit", "0", key="query").items()}
    assert shares["lock table public.waited"] is None
    (working,) = [share for query, share in shares.items() if "generate_series" in query]
    assert working == pytest.approx(hogs["select count(*)"], rel=0.05)
    assert sum(share for share in shares.values() if share is not None) == pytest.approx(100)
    slow = [f["object"] for f in found.values() if f["check"] == "slow" and "waited" in f["object"]]
    assert not slow
    (waits,) = [f for f in found.values() if f["check"] == "waits"]
    assert "where id > $1 for update" in waits["object"]
    assert waits["fix"] == "chatschema report locks"


def test_one_write_that_reads_more_than_there_is_is_wasteful(cli: Cli, counted: Database, tmp_path: Path) -> None:
    """It reads tables again and again; a write that reads a table once, to find a row, does not."""
    (tmp_path / "chatschema.toml").write_text("[report.queries]\nwasteful_blocks = 100\nwasteful_call_blocks = 100\n")
    counted.run(activity.STALE)
    counted.run("create table public.pairs (i integer, c integer)")
    counted.run(f"insert into public.pairs {activity.OF_NEW}")
    counted.run("update public.chunks set body = body where id = 1")
    wasteful = [f for f in findings(cli, counted, "queries").values() if f["check"] == "wasteful"]
    assert ["insert into public.pairs" in f["object"] for f in wasteful] == [True]
    assert wasteful[0]["value"] > 100
    assert wasteful[0]["fix"].startswith("chatschema report queries --explain ")


def test_rows_of_an_aggregate_that_are_sorted_are_still_an_aggregates(cli: Cli, counted: Database) -> None:
    counted.run("create table public.votes (kind text, body text); alter table public.votes alter column body set storage plain")
    counted.run("insert into public.votes select i % 3, repeat('x', 4000) from generate_series(1, 3000) as i; analyze public.votes")
    with counted.connect() as session:
        session.execute("select kind, count(*) from votes group by kind order by kind")
    assert "many blocks" not in explain(cli, counted, "select kind, count(*) from votes").out
