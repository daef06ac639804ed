"""The table [partition] of chatschema.toml: how long months are kept and how they are retired. Values only, never SQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatschema import units
from chatschema.errors import UsageError
from chatschema.values import Policy, Span

_UNITS = {"d": (0, 1), "w": (0, 7), "mo": (1, 0), "y": (12, 0)}
# More reaches back before the calendar.
_MOST, _MOST_MONTHS = 9999, 12_000
_KEYS = {"ahead": int, "keep": str, "grace": str, "archive": bool, "archive_dir": str, "holds": str}


def span(text: str, where: str) -> Span:
    """Return the length of time of "24mo", "2y", "6w" or "90d". Raises UsageError, naming `where`."""
    quantity = units.quantity(text, _UNITS)
    if quantity is None or quantity[0] % 1 or quantity[0] > _MOST or quantity[0] * quantity[1][0] > _MOST_MONTHS:
        raise UsageError(f"{where} {text!r} is not a length of time", "write it as 24mo, 2y, 6w or 90d", code="config.span")
    number, (months, days) = int(quantity[0]), quantity[1]
    return Span(number * months, number * days)


def parse(table: Mapping[str, Any], folder: Path, file: str) -> Policy:
    """Return the policy of the table, with defaults for missing keys; paths are relative to `folder`."""
    for key, value in table.items():
        # bool is an int in Python, but not a number of months.
        if key not in _KEYS or type(value) is not _KEYS[key]:
            known = ", ".join(f"{name} ({kind.__name__})" for name, kind in _KEYS.items())
            text = f"{file}: [partition] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are {known}", code="config.unknown")
    default = Policy()
    ahead = table.get("ahead", default.ahead)
    if not 1 <= ahead <= 120:
        text = f"{file}: [partition] ahead = {ahead} is not between 1 and 120"
        raise UsageError(text, "the default is 6", code="config.ahead")
    holds = table.get("holds", default.holds)
    if holds not in ("block", "carve"):
        raise UsageError(
            f"{file}: [partition] holds = {holds!r} is neither block nor carve",
            "block keeps the whole month, carve only the held rows",
            code="config.holds",
        )
    return Policy(
        ahead=ahead,
        keep=horizon(table["keep"], f"{file}: [partition] keep =") if "keep" in table else None,
        grace=span(table["grace"], f"{file}: [partition] grace =") if "grace" in table else default.grace,
        archive=table.get("archive", default.archive),
        archive_dir=(folder / table.get("archive_dir", default.archive_dir)).absolute(),
        holds=holds,
    )


def horizon(text: str, where: str) -> Span:
    """Return how long months are kept. Raises UsageError for no time at all: that would retire the newest closed month."""
    keep = span(text, where)
    if keep == Span():
        hint = "the shortest time is 1d, which retires months that ended more than a day ago"
        raise UsageError(f"{where} {text!r} keeps no month", hint, code="config.span")
    return keep
