"""Whether the clients' mix of queries is the same: only then is a query that is called more often remarkable by itself."""

from collections.abc import Iterable
from statistics import median_low

# The calls of a query follow those of the others within this factor.
FACTOR = 1.5
# This share of the comparable queries has to follow, and at least two.
SHARE = 2 / 3
LEAST = 2


def common(factors: Iterable[float]) -> float | None:
    """Return the common factor of the calls of most queries; None if there is none."""
    found = sorted(factors)
    if not found:
        return None
    middle = median_low(found)
    alike = sum(middle / FACTOR < factor < middle * FACTOR for factor in found)
    return middle if alike >= max(LEAST, SHARE * len(found)) else None
