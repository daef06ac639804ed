"""The table [sessions] of chatschema.toml: how long the sessions of users are kept after their end."""

from collections.abc import Mapping
from typing import Any

from chatschema.config import partition
from chatschema.errors import UsageError
from chatschema.values import SESSIONS_KEPT, Span

_KEYS = ("keep",)


def parse(table: Mapping[str, Any], file: str) -> Span:
    """Return how long sessions are kept after their end. Raises UsageError."""
    for key, value in table.items():
        if key not in _KEYS or not isinstance(value, str):
            text = f"{file}: [sessions] {key} = {value!r} is not a valid setting"
            raise UsageError(text, "the setting is keep, a length of time such as 30d", code="config.unknown")
    return partition.span(table["keep"], f"{file}: [sessions] keep =") if "keep" in table else SESSIONS_KEPT
