"""report queries --explain: indexes that are followed for nothing, blocks that gave no rows, and estimates that are wrong."""

import json

import pytest

from tests.support.busy import explain
from tests.support.cli import Cli
from tests.support.database import Database

NEWEST = "select * from ticks where owner = %s order by at desc limit 10"


@pytest.fixture
def ticking(migrated: Database) -> Database:
    """30,000 ticks, of which those of owner 7 are the oldest; a part of them per call."""
    migrated.run("create extension if not exists pg_stat_statements")
    migrated.run(
        "create table public.ticks (id integer primary key, owner integer, kind text, at timestamptz, body text);"
        "insert into public.ticks select i, case when i <= 9 then 7 else i % 5 end, 'k', now() + i * interval '1 s', repeat('x', 300)"
        " from generate_series(1, 30000) as i; create index ticks_at on public.ticks (at)"
    )
    migrated.run("alter table public.ticks alter column owner set statistics 1; analyze public.ticks")
    return migrated


def asked(database: Database, query: str, *settings: str) -> float:
    """Ask for owner 7 and return the blocks that this reads, as EXPLAIN counts them."""
    with database.connect() as connection:
        for setting in settings:
            connection.execute(f"set {setting}".encode())
        for _ in range(40):
            connection.execute(query.encode(), (7,))
        row = connection.execute(f"explain (analyze, buffers, format json) {query}".encode(), (7,)).fetchone()
    assert row
    ((plan,),) = row
    return float(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


def test_a_backward_scan_for_few_rows_is_said(cli: Cli, ticking: Database) -> None:
    """It is what a limit makes of an index on the order alone; the owner's rows are at its far end."""
    truth = asked(ticking, NEWEST)
    assert truth > 1000
    out = explain(cli, ticking, "select * from ticks").out
    assert "Index Scan Backward using ticks_at" in out
    assert f"many blocks: public.ticks: each call read {truth:,.0f} blocks for 9.0 rows" in out
    assert "filter along an index: public.ticks: reads an index on (at) backward and filters rows by owner" in out
    assert "an index on (owner, at) contains only the matching rows, in the same order" in out
    # What it names helps, where the planner cannot still take the other.
    ticking.run("drop index public.ticks_at; create index on public.ticks (owner, at)")
    assert asked(ticking, NEWEST) < 30
    out = explain(cli, ticking, "select * from ticks").out
    assert "filter along an index" not in out


def test_a_wrong_order_of_columns_is_said(cli: Cli, ticking: Database) -> None:
    ticking.run("drop index public.ticks_at; create index ticks_at_owner on public.ticks (at, owner)")
    truth = asked(ticking, NEWEST)
    assert truth > 50
    document = explain(cli, ticking, "select * from ticks", "--json").json()
    said = {remark["kind"]: remark["message"] for remark in document["remarks"]}
    assert said["column order"] == (
        "an index on (at, owner) does not begin with owner, so most of it is read; an index on (owner, at) would find the rows"
    ), json.dumps(document["plan"])
    ticking.run("drop index public.ticks_at_owner; create index on public.ticks (owner, at)")
    assert asked(ticking, NEWEST) < truth
    assert "column order" not in explain(cli, ticking, "select * from ticks").out


def test_a_wrong_estimate_is_said(cli: Cli, ticking: Database) -> None:
    """Since the last analyze all ticks became of one kind."""
    query = "select id from ticks where kind = %s"
    ticking.run("alter table public.ticks set (autovacuum_enabled = off); update public.ticks set kind = id::text")
    ticking.run("analyze public.ticks; update public.ticks set kind = 'k'")
    with ticking.connect() as connection:
        for _ in range(3):
            connection.execute(query.encode(), ("k",))
    out = explain(cli, ticking, "select id from ticks").out
    assert "wrong estimate: public.ticks: the planner expects " in out
    assert "but each call returned 30,000.0: analyze public.ticks" in out
    ticking.run("analyze public.ticks")
    assert "wrong estimate" not in explain(cli, ticking, "select id from ticks").out
