"""A query that nobody touched is not called regressed: few calls, other values, a cold cache."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chatschema.report.compare import queries
from chatschema.report.compare.counters import Counters
from chatschema.report.compare.transactions import Transactions
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.moments import compared, query_of, snapshot

ENTRIES = "select count(body) from public.entry where author = %s"


def judged(before: Counters, between: Counters) -> queries.QueryChange:
    change = queries.QueryChange("same", "1", True, "select x from t", before, between)
    (found,) = queries.judged([change], [], Transactions(None, None))
    return found


def counted(calls: int, mean_ms: float, stddev_ms: float, hit: int, read: int = 0, io_ms: float | None = None) -> Counters:
    """Return what so many calls have cost; blocks are those of one call."""
    squares = calls * (mean_ms**2 + stddev_ms**2)
    return Counters(calls, calls * mean_ms, squares, calls, calls * hit, calls * read, 0, io_ms, 0, 0)


def test_other_values_of_few_calls_are_chance(cli: Cli, empty: Database) -> None:
    """One author in eight has written 100 times as much: of 12 calls one was for such an author, of 60 ten."""
    empty.run(
        "create extension if not exists pg_stat_statements;"
        "create table public.entry (author int, body text);"
        "insert into public.entry select case when i <= 4000 then 0 else i % 1000 end, repeat('x', 1000)"
        " from generate_series(1, 8000) as i order by hashint4(i);"
        "create index entry_author on public.entry (author); analyze public.entry"
    )

    def ask(authors: list[int]) -> None:
        with empty.connect() as connection:
            for author in authors:
                connection.execute(ENTRIES.encode(), (author,))

    ask([0, *range(1, 12)])
    snapshot(cli, empty, "a.json")
    ask([0] * 10 + [*range(20, 70)])
    found = query_of(compared(cli, "a.json", "--url", empty.url), "from public.entry")
    assert found["between"]["blocks_per_call"] > 1.5 * found["before"]["blocks_per_call"], "else there is no chance to be told"
    assert found["state"] == "no verdict"


@pytest.mark.parametrize(
    ("before", "between", "state"),
    [
        # The same blocks, read from the disk instead of found: the cache is cold.
        (counted(200, 1, 0.5, 100), counted(200, 12, 3, 20, 80), "same"),
        # The same blocks, and a server that is busier.
        (counted(200, 10, 4, 100), counted(200, 25, 9, 100), "same"),
        # Nothing is read, and a call takes far longer.
        (counted(200, 10, 4, 0), counted(200, 25, 9, 0), "regressed"),
        # The same blocks, and so much longer that it is something else, such as a function.
        (counted(200, 10, 4, 100), counted(200, 80, 9, 100), "regressed"),
        # Twice the blocks, over and over.
        (counted(60, 1, 0.1, 100), counted(60, 2, 0.2, 200), "regressed"),
        (counted(12, 1, 0.1, 100), counted(60, 2, 0.2, 200), "regressed"),
        # Values that deviate by most of their mean, of 13 calls before.
        (counted(13, 1, 0.8, 37), counted(349, 1.8, 1.1, 67), "no verdict"),
        # One of ten calls took all the time: ten say little of the next sixty.
        (counted(10, 1, 2, 100), counted(60, 2, 4, 180), "no verdict"),
        (counted(1000, 1, 2, 100), counted(1000, 2, 4, 180), "regressed"),
    ],
)
def test_blocks_are_asked_before_the_clock(before: Counters, between: Counters, state: str) -> None:
    assert judged(before, between).state == state


def called(queryid: str, before: int, between: int) -> queries.QueryChange:
    former, latter = counted(before, 1, 0.1, 3), counted(between, 1, 0.1, 3)
    return queries.QueryChange("same", queryid, True, f"select {queryid} from t", former, latter)


@pytest.mark.parametrize(
    ("calls", "transactions", "regressed"),
    [
        # Beside ten queries that are transactions of their own, the loop is in one of eleven.
        ({"loop": (200, 1600)} | {f"q{n}": (200, 200) for n in range(10)}, (2200, 2200), ["loop"]),
        # Where each call of the loop is a transaction as well, the others seem to be called less.
        ({"loop": (200, 1600)} | {f"q{n}": (200, 200) for n in range(5)}, (1200, 2600), ["loop"]),
        # People do other things than before: half of the queries are called more often, and half less.
        ({f"q{n}": (200, 1600 if n % 2 else 60) for n in range(10)}, (2000, 8300), []),
        # Twice the load.
        ({f"q{n}": (200, 400) for n in range(10)}, (2000, 4000), []),
        # A batch of 2,000 calls in one of few transactions.
        ({"batch": (100, 2000), "q1": (100, 60)}, (100, 4), []),
    ],
)
def test_a_loop_in_a_few_transactions_is_told_from_another_load(
    calls: dict[str, tuple[int, int]], transactions: tuple[int, int], regressed: list[str]
) -> None:
    found = queries.judged([called(name, *numbers) for name, numbers in calls.items()], [], Transactions(*transactions))
    assert [query.queryid for query in found if query.state == "regressed"] == regressed


def test_a_query_that_came_late_is_not_called_more_often() -> None:
    """It has been there for a week of a year, and is called in every second transaction of those as of these."""
    start, at = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    others = [replace(called(f"q{n}", 364_000, 1000), began_at=start) for n in range(5)]
    late = replace(called("late", 3500, 500), began_at=at - timedelta(days=7))
    found = queries.judged([*others, late], [], Transactions(364_000, 1000, since=start, at=at))
    assert {query.state for query in found} == {"same"}
    (query,) = [query for query in found if query.queryid == "late"]
    assert query.per_transaction_before == pytest.approx(0.5)
    assert query.per_transaction == 0.5
