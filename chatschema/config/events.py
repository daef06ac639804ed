"""The table [events] of chatschema.toml: how long events are kept for readers that were away."""

from collections.abc import Mapping
from typing import Any

from chatschema.config import partition
from chatschema.errors import UsageError
from chatschema.values import EVENTS_KEPT, Span

_KEYS = ("keep",)


def parse(table: Mapping[str, Any], file: str) -> Span:
    """Return how long a month of events is kept after its end. Raises UsageError."""
    for key, value in table.items():
        if key not in _KEYS or not isinstance(value, str):
            text = f"{file}: [events] {key} = {value!r} is not a valid setting"
            raise UsageError(text, "the setting is keep, a length of time such as 30d", code="config.unknown")
    return partition.span(table["keep"], f"{file}: [events] keep =") if "keep" in table else EVENTS_KEPT
