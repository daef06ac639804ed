"""The table [batches] of chatschema.toml: how fast data migrations run in batches."""

from collections.abc import Mapping
from typing import Any

from chatschema.errors import UsageError
from chatschema.values import Batching

# The least and the largest value of each key; 0 is no limit for the last two.
_KEYS = {"target_ms": (20, 10_000), "pause": (0, 100), "lag_mb": (0, 1_000_000), "wal_mb": (0, 1_000_000)}


def parse(table: Mapping[str, Any], file: str) -> Batching:
    """Return the limits of the table, with defaults for missing keys. Raises UsageError."""
    for key, value in table.items():
        # bool is an int in Python, but not a number here.
        if key not in _KEYS or type(value) not in (int, float):
            text = f"{file}: [batches] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are numbers: {', '.join(_KEYS)}", code="config.unknown")
        least, most = _KEYS[key]
        if not least <= value <= most:
            text = f"{file}: [batches] {key} = {value} is not between {least} and {most}"
            raise UsageError(text, f"the default is {getattr(Batching(), key):g}", code="config.batches")
    return Batching(**table)
