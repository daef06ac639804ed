"""The mean and the deviation of the calls between two moments follow from what was counted up to each."""

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatschema.report.compare.counters import ZERO, Counters, squares
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.moments import compared, query_of, snapshot

durations = st.lists(st.floats(0.001, 10_000), min_size=1, max_size=50)


def counted(times: list[float]) -> Counters:
    """Return what pg_stat_statements keeps of calls of these lengths."""
    calls, total = len(times), sum(times)
    return Counters(calls, total, squares(calls, total, statistics.pstdev(times)), calls, 1, 2, 3, None, 4, 5)


@settings(max_examples=200, deadline=None)
@given(durations, durations)
def test_the_deviation_between_is_exact(first: list[float], second: list[float]) -> None:
    between = counted(first + second).since(counted(first))
    assert between.calls == len(second)
    assert between.mean_ms == pytest.approx(statistics.mean(second), rel=1e-6, abs=1e-6)
    # A difference of squares of up to 1e4 loses half of the digits where the deviation is next to nothing.
    assert between.stddev_ms == pytest.approx(statistics.pstdev(second), rel=1e-4, abs=1e-2)
    together = counted(first) + counted(second) + ZERO
    assert together.stddev_ms == pytest.approx(statistics.pstdev(first + second), rel=1e-6, abs=1e-3)


def test_counters_that_fell_began_anew() -> None:
    earlier = counted([1.0, 2.0])
    assert counted([1.0]).has_restarted(earlier)
    assert not counted([1.0, 2.0, 3.0]).has_restarted(earlier)
    assert ZERO.each(5) is None
    assert ZERO.stddev_ms is None


def test_the_deviation_is_the_servers(cli: Cli, empty: Database) -> None:
    """Of two calls it is what lies between their mean and the shorter one, which the server keeps as its least of all three."""
    empty.run("create extension if not exists pg_stat_statements")
    query = "select pg_sleep(%s) as a"
    empty.run(query, 0.2)
    snapshot(cli, empty, "a.json")
    empty.run(query, 0.02)
    empty.run(query, 0.001)
    between = query_of(compared(cli, "a.json", "--url", empty.url), "pg_sleep($1) as a")["between"]
    least = empty.one(
        "select s.min_exec_time from pg_stat_statements as s join pg_database as d on d.oid = s.dbid"
        " where d.datname = current_database() and s.query = 'select pg_sleep($1) as a'"
    )
    assert between["calls"] == 2
    assert between["stddev_ms"] == pytest.approx(between["mean_ms"] - least, rel=1e-6)
