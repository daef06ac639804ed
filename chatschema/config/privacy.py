"""The table [privacy] of chatschema.toml: what the record of processing says beside the columns. Values only, never SQL."""

from collections.abc import Mapping
from typing import Any

from chatschema.config import partition
from chatschema.errors import UsageError
from chatschema.values import Processing

_KEYS = {"controller": str, "contact": str, "officer": str, "subjects": str, "recipients": list, "transfers": str, "measures": list}
_SPAN = "reserve_names"


def parse(table: Mapping[str, Any], file: str) -> Processing:
    """Return what the table says, with defaults for missing keys. Raises UsageError."""
    for key, value in table.items():
        wrong = type(value) is not (str if key == _SPAN else _KEYS.get(key)) or (
            isinstance(value, list) and not all(isinstance(one, str) for one in value)
        )
        if wrong:
            known = ", ".join(f"{name} ({'list of texts' if kind is list else 'text'})" for name, kind in _KEYS.items())
            known += f", {_SPAN} (a length of time such as 24mo)"
            text = f"{file}: [privacy] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are {known}", code="config.unknown")
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    if _SPAN in table:
        values[_SPAN] = partition.span(table[_SPAN], f"{file}: [privacy] {_SPAN} =")
    return Processing(**values)
