"""Changes between two looks at the same reports: rows and findings that came, went or moved, and means of the time between."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatschema.report import wording
from chatschema.report.result import STATUSES, Result

Row = Mapping[str, Any]

# The name of a row if its report has no object: a place in the order is not a name.
_NAMES = ("object", "queryid")
_NO_COUNTS = frozenset({"n", "queryid", "pid"})

# A mean, and the column with the number that it is the mean of; a product of columns where no column has it alone.
_OF: dict[str, tuple[str, ...]] = {
    "mean_ms": ("calls",),
    "blocks_per_call": ("calls",),
    "rows_per_call": ("calls",),
    "hit_pct": ("blocks_per_call", "calls"),
}
# The report on cache has a mean and its number of blocks.
_BLOCKS = ("blocks",)
# These are unknown for a part of the time.
_LIFELONG = ("stddev_ms", "max_ms")
MEANS = frozenset({*_OF, *_LIFELONG})


@dataclass(frozen=True, slots=True)
class Change:
    """A change since the tick before.

    `what` is "row" or "finding"; `change` is "new", "gone", "up", "down" of the column, or, of a severity, "worse" or "better".
    """

    report: str
    what: str
    object: str
    change: str
    column: str | None = None
    before: Any = None
    after: Any = None
    delta: float | None = None


def changes(before: Sequence[Result], now: Sequence[Result]) -> list[Change]:
    """Return the changes from one tick to the next; a report that was not evaluated at one of them has none."""
    earlier = {result.report: result for result in before if result.status != "not evaluated"}
    pairs = [(earlier[result.report], result) for result in now if result.report in earlier and result.status != "not evaluated"]
    return [change for old, new in pairs for change in (*_of_findings(old, new), *_of_rows(old, new))]


def _of_findings(old: Result, new: Result) -> list[Change]:
    was, has = ({finding.id: finding.severity for finding in result.findings if not finding.suppressed} for result in (old, new))
    found = [Change(new.report, "finding", id, "new", after=severity) for id, severity in has.items() if id not in was]
    found += [Change(new.report, "finding", id, "gone", before=severity) for id, severity in was.items() if id not in has]
    for id, severity in has.items():
        if id in was and was[id] != severity:
            is_worse = STATUSES.index(severity) < STATUSES.index(was[id])
            found.append(Change(new.report, "finding", id, "worse" if is_worse else "better", before=was[id], after=severity))
    return found


def _of_rows(old: Result, new: Result) -> list[Change]:
    was, has = keyed(old), keyed(new)
    found = [Change(new.report, "row", name, "new") for name in has if name not in was]
    found += [Change(new.report, "row", name, "gone") for name in was if name not in has]
    for name, row in has.items():
        for column, value in row.items():
            earlier = was.get(name, {}).get(column)
            if is_count(column, value) and is_count(column, earlier) and value != earlier:
                way = "up" if value > earlier else "down"
                found.append(Change(new.report, "row", name, way, column, earlier, value, value - earlier))
    return found


def is_count(column: str, value: Any) -> bool:
    """Return whether the value of the column is a number that can be compared with an earlier one."""
    return column not in _NO_COUNTS and wording.is_number(value)


def keyed(result: Result) -> dict[str, Row]:
    """Return the rows by name: their object, or the number of their query, or their first column."""
    return dict(zip(names(result, result.rows), result.rows, strict=True))


def names(result: Result, rows: Sequence[Row]) -> list[str]:
    """Return a name for each row; if several rows have the same object, the name includes their other texts."""
    plain = [str(next((row[column] for column in (*_NAMES, result.columns[0]) if row.get(column) is not None), "")) for row in rows]
    times = Counter(plain)
    return [
        name if times[name] == 1 else f"{name} {[value for key, value in row.items() if isinstance(value, str) and key != 'query']}"
        for name, row in zip(plain, rows, strict=True)
    ]


def means(before: Row, now: Row) -> dict[str, Any]:
    """Return the means of the time between two looks at one row, from totals and means since the last reset; None for no count.

    After a reset in between, the time starts there. Columns that are not means are not in the result.
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
