"""Means of the time between two looks, from totals and means that count since the statistics began."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]
# A mean, and the column that says of how many it is the mean; a product of columns where none has it alone.
_OF: dict[str, tuple[str, ...]] = {
    "mean_ms": ("calls",),
    "blocks_per_call": ("calls",),
    "rows_per_call": ("calls",),
    "hit_pct": ("blocks_per_call", "calls"),
}
# Of a mean without its count, as the report on cache has it.
_BLOCKS = ("blocks",)
# They cannot be told for a part of the time.
_LIFELONG = ("stddev_ms", "max_ms")
MEANS = frozenset({*_OF, *_LIFELONG})


def means(before: Row, now: Row) -> dict[str, Any]:
    """Return the means of `now` as they were between the two looks at one row; None where nothing was counted in between.

    A counter that began anew in between counts from there. Columns that are no means are not in the result.
    """
    found: dict[str, Any] = {}
    for column, factors in _OF.items():
        if column in now:
            of = _BLOCKS if "blocks" in now else factors
            found[column] = _mean(column, _count(of, before), _count(of, now), before, now)
    if "calls" in now:
        found |= {column: None for column in _LIFELONG if column in now}
    return found


def _count(factors: tuple[str, ...], row: Row) -> float:
    count = 1.0
    for factor in factors:
        count *= float(row.get(factor) or 0)
    return count


def _mean(column: str, count_before: float, count_now: float, before: Row, now: Row) -> float | None:
    if count_now < count_before:
        count_before = 0.0
    value = now[column]
    if count_now <= count_before or value is None:
        return None
    earlier = float(before.get(column) or 0.0) * count_before
    return max((float(value) * count_now - earlier) / (count_now - count_before), 0.0)
