"""Which queries cost more a call than before, and by how much: the thresholds, and their reasons."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt
from typing import Literal

from chatschema.report.counters import Counters
from chatschema.report.relations import IndexChange

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
# Milliseconds depend on the load as well: a slower mean counts for a query that takes a part of the time, by more than chance.
TIME_PCT = 1.0
DEVIATIONS = 3.0

Measure = Literal["blocks_per_call", "temp_blocks_per_call", "rows_per_call", "wal_records_per_call", "mean_ms"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A measure that moved, a call's worth of it."""

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
    `extra_ms` are what the calls between cost more than as many calls did before; `weight` is the larger of their shares
    in all that was done between. `restarted_at`: the calls between are counted from there on, not from A.
    """

    state: State
    queryid: str
    is_toplevel: bool
    query: str | None
    before: Counters
    between: Counters
    former_queryid: str | None = None
    restarted_at: datetime | None = None
    reasons: tuple[Reason, ...] = ()
    extra_blocks: float = 0.0
    extra_ms: float = 0.0
    weight: float = 0.0
    indexes_gone: tuple[str, ...] = ()


def judged(changes: Sequence[QueryChange], indexes: Sequence[IndexChange]) -> list[QueryChange]:
    """Return the queries with their verdicts: regressed first, by what that cost in all; then new ones, by their time."""
    # With track = all the statements inside a function count there as well; a share is one of what clients asked for.
    all_ms = sum(change.between.total_ms for change in changes if change.is_toplevel)
    all_blocks = sum(change.between.blocks for change in changes if change.is_toplevel)
    found = [_judged(change, all_ms, all_blocks, indexes) for change in changes]
    return sorted(found, key=_order)


def _order(change: QueryChange) -> tuple[int, float, float, str]:
    total_ms = change.before.total_ms if change.state == "gone" else change.between.total_ms
    return STATES.index(change.state), -change.weight, -total_ms, change.queryid


def _judged(change: QueryChange, all_ms: float, all_blocks: int, indexes: Sequence[IndexChange]) -> QueryChange:
    before, between = change.before, change.between
    if not before.calls:
        return replace(change, state="new" if between.calls else "same")
    if not between.calls:
        return replace(change, state="gone")
    if between.calls < CALLS or before.calls < FORMER_CALLS:
        return replace(change, state="no verdict")
    worse = tuple(_risen(before, between, between.calls, all_ms))
    if not worse:
        fallen = _risen(between, before, between.calls, all_ms)
        # Fewer rows are another answer, not a better one.
        better = tuple(Reason(one.measure, one.between, one.before) for one in fallen if one.measure != "rows_per_call")
        return replace(change, state="improved" if better else "same", reasons=better)
    extra_blocks = max(_extra(before, between, before.blocks, between.blocks), 0.0)
    extra_ms = max(_extra(before, between, before.total_ms, between.total_ms), 0.0)
    is_slower = any(one.measure == "mean_ms" for one in worse)
    weight = max(extra_blocks / all_blocks if all_blocks else 0.0, extra_ms / all_ms if all_ms and is_slower else 0.0)
    gone = tuple(index.name for index in indexes if index.state == "gone" and _names(change.query, index.table))
    return replace(
        change, state="regressed", reasons=worse, extra_blocks=extra_blocks, extra_ms=extra_ms, weight=weight, indexes_gone=gone
    )


def _extra(before: Counters, between: Counters, former: float, latter: float) -> float:
    return latter - former / before.calls * between.calls


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
        if measure == "mean_ms" and (y * calls < all_ms * TIME_PCT / 100 or y - x < DEVIATIONS * _error(former, latter)):
            continue
        yield Reason(measure, x, y)


def _error(one: Counters, other: Counters) -> float:
    """Return the standard error of the difference of the means."""
    return sqrt(sum((part.stddev_ms or 0.0) ** 2 / part.calls for part in (one, other)))


def _names(query: str | None, table: str) -> bool:
    """Return whether the query has the table's name in it, with or without its schema."""
    bare = re.search(r'"((?:[^"]|"")*)"$|([^".]+)$', table)
    name = bare and (bare[1] or bare[2])
    return bool(name and query and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", query, re.IGNORECASE))
