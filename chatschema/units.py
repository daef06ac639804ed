"""Sizes, durations and times, written the same way on terminals, in pages, in documents and in errors; and read. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from chatschema.values import Span

T = TypeVar("T")
_QUANTITY = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([a-z]+)", re.ASCII)


def quantity(text: str, units: Mapping[str, T]) -> tuple[float, T] | None:
    """Return the number of "90d" or "1.5 h", and what `units` has for its unit; None for a text of another form or unit."""
    match = _QUANTITY.fullmatch(text.strip())
    return (float(match[1]), units[match[2]]) if match and match[2] in units else None


def size(count: float) -> str:
    """Return bytes for people."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if abs(value) < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if unit != "B" and abs(value) < 10 else f"{value:.0f} {unit}"


def duration(milliseconds: float) -> str:
    """Return a length of time for people."""
    if abs(milliseconds) < 1000:
        digits = 0 if not milliseconds else 2 if abs(milliseconds) < 10 else 1 if abs(milliseconds) < 100 else 0
        return f"{milliseconds:.{digits}f} ms"
    for unit, one, limit in (("s", 1000, 120), ("min", 60_000, 120), ("h", 3_600_000, 48)):
        if abs(milliseconds) / one < limit:
            return f"{milliseconds / one:.1f} {unit}"
    return f"{milliseconds / 86_400_000:,.1f} days"


def when(moment: datetime | None) -> str:
    """Return a time for people, in UTC; nothing for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def iso(moment: datetime) -> str:
    """Return a time for programs: ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def span(length: Span) -> str:
    """Return a length of time in calendar units as chatschema.toml has it."""
    months = f"{length.months // 12}y" if length.months % 12 == 0 else f"{length.months}mo"
    days = f"{length.days:g}d"
    return " ".join([*([months] if length.months else []), *([days] if length.days or not length.months else [])])
