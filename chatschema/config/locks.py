"""The table [locks] of chatschema.toml: how long a migration waits for locks, and how often it is tried."""

from collections.abc import Mapping
from typing import Any

from chatschema import units
from chatschema.errors import UsageError
from chatschema.values import Patience

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}
_KEYS = {"timeout": str, "attempts": int, "pause": str}
_LEAST_S, _MOST_S, _MOST_ATTEMPTS = 0.01, 3600.0, 10_000


def parse(table: Mapping[str, Any], file: str) -> Patience:
    """Return the patience of the table, with defaults for missing keys. Raises UsageError."""
    for key, value in table.items():
        # bool is an int in Python, but not a number of attempts.
        if key not in _KEYS or type(value) is not _KEYS[key]:
            known = ", ".join(f"{name} ({kind.__name__})" for name, kind in _KEYS.items())
            text = f"{file}: [locks] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are {known}", code="config.unknown")
    default = Patience()
    where = f"{file}: [locks]"
    return Patience(
        seconds(table["timeout"], f"{where} timeout =") if "timeout" in table else default.timeout_s,
        attempts(table.get("attempts", default.attempts), f"{where} attempts ="),
        seconds(table["pause"], f"{where} pause =") if "pause" in table else default.longest_pause_s,
    )


def seconds(text: str, where: str) -> float:
    """Return the seconds of "800ms", "2s" or "1min". Raises UsageError, naming `where`."""
    quantity = units.quantity(text, _SECONDS)
    if quantity is None:
        raise UsageError(f"{where} {text!r} is not a length of time", "write it as 800ms, 2s or 1min", code="config.locks")
    found = quantity[0] * quantity[1]
    if not _LEAST_S <= found <= _MOST_S:
        hint = "by default a lock is waited for 800ms, and the longest pause is 4s"
        raise UsageError(f"{where} {text!r} is not between 10ms and 60min", hint, code="config.locks")
    return found


def attempts(number: int, where: str) -> int:
    """Return a number of attempts. Raises UsageError, naming `where`."""
    if not 1 <= number <= _MOST_ATTEMPTS:
        text = f"{where} {number} is not between 1 and {_MOST_ATTEMPTS}"
        raise UsageError(text, "by default there are 8 attempts", code="config.locks")
    return number
