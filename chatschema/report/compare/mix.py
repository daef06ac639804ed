"""Whether clients do what they did before: only then a query that is called more often stands out by itself."""

from collections.abc import Iterable
from statistics import median_low

# By less than this the calls of a query follow those of the others.
FACTOR = 1.5
# Of the queries that can be compared so many have to; and not fewer than two.
SHARE = 2 / 3
LEAST = 2


def common(factors: Iterable[float]) -> float | None:
    """Return by which factor the calls of most queries rose or fell alike; None where there is no such factor."""
    found = sorted(factors)
    if not found:
        return None
    middle = median_low(found)
    alike = sum(middle / FACTOR < factor < middle * FACTOR for factor in found)
    return middle if alike >= max(LEAST, SHARE * len(found)) else None
