"""How many transactions the calls of queries were part of: a query asked eight times in each is not eight times the clients."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chatschema.report.snapshot import Snapshot, Statement

_END = re.compile(r"\s*(commit|end|rollback|abort)\b(?!.*\b(to|prepared)\b)", re.IGNORECASE)
# The counters of queries and of transactions never begin in the same instant.
_APART = timedelta(minutes=1)
_APART_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Transactions:
    """Those of which the calls are counted, up to A and between; None where that is not known."""

    before: int | None
    between: int | None


def counted(earlier: Snapshot, later: Snapshot, *, goes_on: bool, has_reset: bool) -> Transactions:
    """Return the transactions of both stretches. `goes_on`: B counts on from A; `has_reset`: something began anew between."""
    a, b = earlier.origin.transactions, later.origin.transactions
    if not goes_on:
        return Transactions(_up_to(earlier), _up_to(later))
    between = None if a is None or b is None or has_reset or b <= a else b - a
    return Transactions(_up_to(earlier), between)


def _up_to(snapshot: Snapshot) -> int | None:
    """Return the transactions that its queries were counted in.

    Where pg_stat_statements was emptied after the database began to count, those that said commit or rollback: they are
    the least there can have been, so that nothing seems to be called less than it was.
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
