"""The transactions to which the calls of queries belong: a query that runs eight times in each is not eight times the load."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chatschema.report.compare.snapshot import Snapshot, Statement

_END = re.compile(r"\s*(commit|end|rollback|abort)\b(?!.*\b(to|prepared)\b)", re.IGNORECASE)
# The counters of queries and of transactions never start at the same instant.
_APART = timedelta(minutes=1)
_APART_SHARE = 0.1
# Over a shorter time transactions are not evenly distributed.
_LONG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Transactions:
    """The transactions in which the calls were counted, up to A and between; None if unknown.

    `since` is when the first query was counted, and `at` when A was taken.
    """

    before: int | None
    between: int | None
    since: datetime | None = None
    at: datetime | None = None

    def before_of(self, began_at: datetime | None) -> float | None:
        """Return those up to A since a query was first counted, assuming an even rate; all if its start is unknown."""
        if not self.before or not self.since or not self.at or not began_at or self.at - self.since < _LONG:
            return self.before or None
        share = (self.at - began_at) / (self.at - self.since)
        return self.before * share if 0 < share < 1 else self.before


def counted(earlier: Snapshot, later: Snapshot, *, goes_on: bool, has_reset: bool) -> Transactions:
    """Return the transactions of both periods. `goes_on`: B continues the counts of A; `has_reset`: there was a reset between."""
    a, b = earlier.origin.transactions, later.origin.transactions
    if not goes_on:
        return Transactions(_up_to(earlier), _up_to(later))
    between = None if a is None or b is None or has_reset or b <= a else b - a
    # Version 17 and later.
    since = min((one.stats_since for one in earlier.statements or () if one.stats_since), default=None)
    return Transactions(_up_to(earlier), between, since, earlier.origin.at)


def _up_to(snapshot: Snapshot) -> int | None:
    """Return the transactions in which its queries were counted.

    If pg_stat_statements was emptied after the database began to count, those that ran commit or rollback: their number is
    the lower limit, so that no query seems to be called less often than it was.
    """
    origin = snapshot.origin
    begun = origin.statements_reset
    if begun is None or origin.transactions is None:
        return None
    if begun - origin.since <= max(_APART, _APART_SHARE * (origin.at - begun)):
        return origin.transactions or None
    return min(_ended(snapshot.statements or ()), origin.transactions) or None


def _ended(statements: Sequence[Statement]) -> int:
    return sum(one.calls for one in statements if one.is_toplevel and _END.match(one.query or ""))
