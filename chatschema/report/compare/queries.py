"""Queries that cost more per call, or are called more often per transaction: the thresholds, and their reasons."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt
from typing import Literal

from chatschema.report.compare import mix
from chatschema.report.compare.counters import Counters
from chatschema.report.compare.relations import IndexChange
from chatschema.report.compare.transactions import Transactions
from chatschema.report.literals import PLANNED

State = Literal["regressed", "new", "improved", "no verdict", "same", "gone"]
# The order of every listing.
STATES: tuple[State, ...] = ("regressed", "new", "improved", "no verdict", "same", "gone")

# Half as much again: parameters and growing tables change a mean by less.
FACTOR = 1.5
# With fewer calls one of them decides the mean: after A; up to A a few are enough.
CALLS = 50
FORMER_CALLS = 10
# The least increase per call, beside the factor: 2 blocks instead of 1 do not matter.
MORE_BLOCKS = 10.0
MORE_ROWS = 10.0
MORE_WAL_RECORDS = 2.0
LEAST_WAL_RECORDS = 0.5
MORE_MS = 5.0
# Calls per transaction: one more in each, on average, is a repeated query, whatever the mix of load.
MORE_CALLS = 1.0
# A smaller increase counts only for a single query, if the others are called as before.
MORE_CALLS_ALONE = 0.2
FACTOR_ALONE = 3.0
# Milliseconds also depend on the load: a slower mean counts only for a query with a share of the time, and beyond chance.
TIME_PCT = 1.0
DEVIATIONS = 3.0
# If it reads no more blocks, it has to be this much slower: a cold cache or a busy server is not caused by the query.
SLOWER_ON_SAME_BLOCKS = 4.0
SAME_BLOCKS = 1.1
# The deviation of the blocks is not stored. It is taken from the times, up to this limit, as times have outliers of their own.
MOST_DEVIATION = 1.0
FEW = 5

Measure = Literal[
    "calls_per_transaction", "blocks_per_call", "temp_blocks_per_call", "rows_per_call", "wal_records_per_call", "mean_ms"
]


@dataclass(frozen=True, slots=True)
class Reason:
    """A measure that changed, per call or per transaction."""

    measure: Measure
    before: float
    between: float

    @property
    def factor(self) -> float | None:
        """The factor; None if the value before is zero."""
        return self.between / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class QueryChange:
    """A query up to A and between A and B, its roles summed.

    `former_queryid` is the number of its text up to A, if its tables were recreated. `extra_blocks` and `extra_ms` are the extra
    cost of the calls between, compared with as many calls before, or with those of as many transactions if it is called more
    often; `weight` is the larger of their shares in the total between. `per_transaction` is the number of calls in one, None if
    unknown; `began_at`: when it was first counted up to A. `restarted_at`: the calls between are counted from then, not from A.
    """

    state: State
    queryid: str
    is_toplevel: bool
    query: str | None
    before: Counters
    between: Counters
    per_transaction_before: float | None = None
    per_transaction: float | None = None
    began_at: datetime | None = None
    former_queryid: str | None = None
    restarted_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    extra_blocks: float = 0.0
    extra_ms: float = 0.0
    weight: float = 0.0
    indexes_gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Whole:
    """The clients' total time and blocks between A and B; the transactions of both periods; the common factor of calls."""

    ms: float
    blocks: int
    transactions: Transactions
    common: float | None


def judged(changes: Sequence[QueryChange], indexes: Sequence[IndexChange], transactions: Transactions) -> list[QueryChange]:
    """Return the queries with their verdicts: regressed first, by their extra cost; then new ones, by their time."""
    # With track = all the statements inside a function count as well; a share is one of the clients' own statements.
    asked = [change.between for change in changes if change.is_toplevel]
    changes = [_per_transaction(change, transactions) for change in changes]
    common = mix.common(factor for change in changes if (factor := _factor(change)) is not None)
    whole = _Whole(sum(one.total_ms for one in asked), sum(one.blocks for one in asked), transactions, common)
    found = [_judged(change, whole, indexes) for change in changes]
    return sorted(found, key=_order)


def _per_transaction(change: QueryChange, transactions: Transactions) -> QueryChange:
    before, between = transactions.before_of(change.began_at), transactions.between
    return replace(
        change,
        per_transaction_before=change.before.calls / before if before else None,
        per_transaction=change.between.calls / between if between else None,
    )


def _factor(change: QueryChange) -> float | None:
    """Return the factor of its calls per transaction; None if it cannot be measured."""
    x, y = change.per_transaction_before, change.per_transaction
    is_known = change.is_toplevel and change.before.calls >= FORMER_CALLS and change.between.calls >= CALLS
    return y / x if x and y and is_known and PLANNED.match(change.query or "") else None


def _order(change: QueryChange) -> tuple[int, float, float, str]:
    total_ms = change.before.total_ms if change.state == "gone" else change.between.total_ms
    return STATES.index(change.state), -change.weight, -total_ms, change.queryid


def _judged(change: QueryChange, whole: _Whole, indexes: Sequence[IndexChange]) -> QueryChange:
    before, between = change.before, change.between
    if not before.calls:
        return replace(change, state="new" if between.calls else "same")
    if not between.calls:
        return replace(change, state="gone")
    if between.calls < CALLS or before.calls < FORMER_CALLS:
        return replace(change, state="no verdict")
    calls = _called_more(change, whole)
    risen = list(_risen(before, between, between.calls, whole.ms))
    worse = (*([calls] if calls else []), *(reason for reason in risen if _is_sure(reason, before, between)))
    if risen and not worse:
        return replace(change, state="no verdict")
    if not worse:
        fallen = [one for one in _risen(between, before, between.calls, whole.ms) if _is_sure(one, between, before)]
        # Fewer rows are a different result, not a better one.
        better = tuple(Reason(one.measure, one.between, one.before) for one in fallen if one.measure != "rows_per_call")
        return replace(change, state="improved" if better else "same", reasons=better)
    # The number of calls there were, or would have been.
    expected = between.calls / calls.factor if calls and calls.factor else between.calls
    extra_blocks = max(between.blocks - before.blocks / before.calls * expected, 0.0)
    extra_ms = max(between.total_ms - before.total_ms / before.calls * expected, 0.0)
    is_slower = calls is not None or any(one.measure == "mean_ms" for one in worse)
    weight = max(extra_blocks / whole.blocks if whole.blocks else 0.0, extra_ms / whole.ms if whole.ms and is_slower else 0.0)
    gone = tuple(index.name for index in indexes if index.state == "gone" and names(change.query, index.table))
    return replace(
        change, state="regressed", reasons=worse, extra_blocks=extra_blocks, extra_ms=extra_ms, weight=weight, indexes_gone=gone
    )


def _called_more(change: QueryChange, whole: _Whole) -> Reason | None:
    """Return by how much a transaction calls the query more often, if that is beyond chance and costs something."""
    x, y = change.per_transaction_before, change.per_transaction
    transactions = whole.transactions
    if not change.is_toplevel or not x or not y or not transactions.before or not transactions.between:
        return None
    # As if each transaction had all its calls or none: a few transactions with many calls are then within chance.
    error = sqrt(x**2 / transactions.before + y**2 / transactions.between)
    is_alone = whole.common is not None and y / x >= FACTOR_ALONE * whole.common
    if y < FACTOR * x or y - x < max(MORE_CALLS_ALONE if is_alone else MORE_CALLS, DEVIATIONS * error):
        return None
    share = 1 - x / y
    costs = change.between.total_ms * share >= whole.ms * TIME_PCT / 100
    reads = change.between.blocks * share >= whole.blocks * TIME_PCT / 100
    return Reason("calls_per_transaction", x, y) if costs or reads else None


def _risen(former: Counters, latter: Counters, calls: int, all_ms: float) -> Iterator[Reason]:
    """Yield the measures that are higher per call in `latter`; `calls` is the number of calls between A and B."""
    amounts: tuple[tuple[Measure, float, float | None, float | None], ...] = (
        ("blocks_per_call", MORE_BLOCKS, former.each(former.blocks), latter.each(latter.blocks)),
        ("temp_blocks_per_call", MORE_BLOCKS, former.each(former.temp), latter.each(latter.temp)),
        ("rows_per_call", MORE_ROWS, former.each(former.rows), latter.each(latter.rows)),
        ("wal_records_per_call", MORE_WAL_RECORDS, former.each(former.wal_records), latter.each(latter.wal_records)),
        ("mean_ms", MORE_MS, former.mean_ms, latter.mean_ms),
    )
    for measure, more, x, y in amounts:
        if x is None or y is None or y < FACTOR * x or y - x < more:
            continue
        # A query that hardly writes only set hint bits, once after the rows were written.
        if measure == "wal_records_per_call" and x < LEAST_WAL_RECORDS:
            continue
        if measure == "mean_ms" and (y * calls < all_ms * TIME_PCT / 100 or _is_of_the_server(former, latter)):
            continue
        yield Reason(measure, x, y)


def _is_of_the_server(former: Counters, latter: Counters) -> bool:
    """Return whether the cache or the load explains a slower mean: it reads no more blocks, and is not far slower."""
    if not latter.blocks or latter.blocks / latter.calls > SAME_BLOCKS * former.blocks / former.calls:
        return False
    from_disk = latter.read / latter.calls - former.read / former.calls
    is_cold = from_disk >= 1 and from_disk > (SAME_BLOCKS - 1) * latter.blocks / latter.calls
    return is_cold or (latter.mean_ms or 0.0) < SLOWER_ON_SAME_BLOCKS * (former.mean_ms or 0.0)


def _is_sure(reason: Reason, former: Counters, latter: Counters) -> bool:
    """Return whether the difference is beyond chance, by the deviations of both samples."""
    most = None if reason.measure == "mean_ms" else MOST_DEVIATION
    error = sqrt(_error(reason.before, former, most) ** 2 + _error(reason.between, latter, most) ** 2)
    # The deviation of a few calls is itself uncertain.
    deviations = DEVIATIONS * (1 + FEW / min(former.calls, latter.calls))
    return reason.between - reason.before >= deviations * error


def _error(mean: float, counters: Counters, most: float | None) -> float:
    """Return the standard error of a mean, from the relative deviation of the times, which is limited to `most`."""
    deviation = (counters.stddev_ms or 0.0) / counters.mean_ms if counters.mean_ms else 0.0
    return mean * (deviation if most is None else min(deviation, most)) / sqrt(counters.calls)


def names(query: str | None, table: str) -> bool:
    """Return whether the query contains the table's name, with or without its schema."""
    bare = re.search(r'"((?:[^"]|"")*)"$|([^".]+)$', table)
    name = bare and (bare[1] or bare[2])
    return bool(name and query and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", query, re.IGNORECASE))
