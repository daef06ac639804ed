"""The table [privacy] of chatschema.toml: what the record of processing says beside the columns. Values only, never SQL."""

from collections.abc import Mapping
from typing import Any

from chatschema.errors import UsageError
from chatschema.values import Processing

_KEYS = {"controller": str, "contact": str, "officer": str, "subjects": str, "recipients": list, "transfers": str, "measures": list}


def parse(table: Mapping[str, Any], file: str) -> Processing:
    """Return what the table says, with defaults for missing keys. Raises UsageError."""
    for key, value in table.items():
        wrong = type(value) is not _KEYS.get(key) or (isinstance(value, list) and not all(isinstance(one, str) for one in value))
        if wrong:
            known = ", ".join(f"{name} ({'list of texts' if kind is list else 'text'})" for name, kind in _KEYS.items())
            text = f"{file}: [privacy] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are {known}", code="config.unknown")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Processing(**values)
