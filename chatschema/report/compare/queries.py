"""Which queries cost more a call, or are called more often in a transaction: the thresholds, and their reasons."""

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

# Half as much again: parameters and growing tables move a mean by less.
FACTOR = 1.5
# With fewer calls one of them decides: after A; and up to A, where a few give the measure.
CALLS = 50
FORMER_CALLS = 10
# What a call must add beside the factor: 1 block that became 2 is nobody's concern.
MORE_BLOCKS = 10.0
MORE_ROWS = 10.0
MORE_WAL_RECORDS = 2.0
LEAST_WAL_RECORDS = 0.5
MORE_MS = 5.0
# Calls a transaction: with one more in each, on the average, some ask again and again, however the load is mixed.
MORE_CALLS = 1.0
# With less it may be in a few of them: of a query alone, when the others are called as they were.
MORE_CALLS_ALONE = 0.2
FACTOR_ALONE = 3.0
# Milliseconds depend on the load as well: a slower mean counts for a query that takes a part of the time, by more than chance.
TIME_PCT = 1.0
DEVIATIONS = 3.0
# Where no more blocks are asked for, it has to be so much slower: a cold cache, or a busy server, is not the query's doing.
SLOWER_ON_SAME_BLOCKS = 4.0
SAME_BLOCKS = 1.1
# Nobody keeps how the blocks of the calls deviate. They do so as the times do, which have outliers of their own beside.
MOST_DEVIATION = 1.0
FEW = 5

Measure = Literal[
    "calls_per_transaction", "blocks_per_call", "temp_blocks_per_call", "rows_per_call", "wal_records_per_call", "mean_ms"
]


@dataclass(frozen=True, slots=True)
class Reason:
    """A measure that moved, a call's worth of it, or a transaction's."""

    measure: Measure
    before: float
    between: float

    @property
    def factor(self) -> float | None:
        """Times as much as before; None where there was none before."""
        return self.between / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class QueryChange:
    """A query up to A and between A and B, its roles summed.

    `former_queryid` is what its text was counted under up to A, when its tables have been made anew. `extra_blocks` and
    `extra_ms` are what the calls between cost more than as many calls did before, or than those of as many transactions
    where it is called more often; `weight` is the larger of their shares in all that was done between. `per_transaction` are
    its calls in one, None where that is not known; `began_at`: its first was counted up to A.
    `restarted_at`: the calls between are counted from there on, not from A.
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
    """What clients asked for between A and B, in all; the transactions of both stretches; how calls changed for most."""

    ms: float
    blocks: int
    transactions: Transactions
    common: float | None


def judged(changes: Sequence[QueryChange], indexes: Sequence[IndexChange], transactions: Transactions) -> list[QueryChange]:
    """Return the queries with their verdicts: regressed first, by what that cost in all; then new ones, by their time."""
    # With track = all the statements inside a function count there as well; a share is one of what clients asked for.
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
    """Return by how much a transaction calls it more often; None for what is no measure of that."""
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
        # Fewer rows are another answer, not a better one.
        better = tuple(Reason(one.measure, one.between, one.before) for one in fallen if one.measure != "rows_per_call")
        return replace(change, state="improved" if better else "same", reasons=better)
    # As many calls as there were, or as there would have been.
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
    """Return by how much a transaction calls the query more often: by more than chance, and so that it costs something."""
    x, y = change.per_transaction_before, change.per_transaction
    transactions = whole.transactions
    if not change.is_toplevel or not x or not y or not transactions.before or not transactions.between:
        return None
    # As if the calls came in whole transactions of them: few transactions of many calls are then no more than chance.
    error = sqrt(x**2 / transactions.before + y**2 / transactions.between)
    is_alone = whole.common is not None and y / x >= FACTOR_ALONE * whole.common
    if y < FACTOR * x or y - x < max(MORE_CALLS_ALONE if is_alone else MORE_CALLS, DEVIATIONS * error):
        return None
    share = 1 - x / y
    costs = change.between.total_ms * share >= whole.ms * TIME_PCT / 100
    reads = change.between.blocks * share >= whole.blocks * TIME_PCT / 100
    return Reason("calls_per_transaction", x, y) if costs or reads else None


def _risen(former: Counters, latter: Counters, calls: int, all_ms: float) -> Iterator[Reason]:
    """Yield the measures of which a call has more in `latter`; `calls` is how many there were between A and B."""
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
        # A query that hardly writes has only marked rows as seen, once after they were written.
        if measure == "wal_records_per_call" and x < LEAST_WAL_RECORDS:
            continue
        if measure == "mean_ms" and (y * calls < all_ms * TIME_PCT / 100 or _is_of_the_server(former, latter)):
            continue
        yield Reason(measure, x, y)


def _is_of_the_server(former: Counters, latter: Counters) -> bool:
    """Return whether a slower mean is that of the cache or the load: no more blocks are asked for, and it is not far slower."""
    if not latter.blocks or latter.blocks / latter.calls > SAME_BLOCKS * former.blocks / former.calls:
        return False
    from_disk = latter.read / latter.calls - former.read / former.calls
    is_cold = from_disk >= 1 and from_disk > (SAME_BLOCKS - 1) * latter.blocks / latter.calls
    return is_cold or (latter.mean_ms or 0.0) < SLOWER_ON_SAME_BLOCKS * (former.mean_ms or 0.0)


def _is_sure(reason: Reason, former: Counters, latter: Counters) -> bool:
    """Return whether the difference is more than chance, by the deviations of both samples."""
    most = None if reason.measure == "mean_ms" else MOST_DEVIATION
    error = sqrt(_error(reason.before, former, most) ** 2 + _error(reason.between, latter, most) ** 2)
    # The deviation of a few calls is itself a guess.
    deviations = DEVIATIONS * (1 + FEW / min(former.calls, latter.calls))
    return reason.between - reason.before >= deviations * error


def _error(mean: float, counters: Counters, most: float | None) -> float:
    """Return the standard error of a mean, as the times deviate, in parts of it at `most`."""
    deviation = (counters.stddev_ms or 0.0) / counters.mean_ms if counters.mean_ms else 0.0
    return mean * (deviation if most is None else min(deviation, most)) / sqrt(counters.calls)


def names(query: str | None, table: str) -> bool:
    """Return whether the query has the table's name in it, with or without its schema."""
    bare = re.search(r'"((?:[^"]|"")*)"$|([^".]+)$', table)
    name = bare and (bare[1] or bare[2])
    return bool(name and query and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", query, re.IGNORECASE))
