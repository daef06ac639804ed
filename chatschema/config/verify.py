"""The table [verify] of chatschema.toml: differences that are known and accepted, with the reason. Values only."""

from collections.abc import Mapping
from typing import Any

from chatschema.errors import UsageError
from chatschema.values import Ignore

_EXAMPLE = 'write [[verify.ignore]] with object = "option autovacuum_* of table public.users" and reason = "..."'


def parse(table: Mapping[str, Any], file: str) -> tuple[Ignore, ...]:
    """Return the entries of the table. Raises UsageError for another key, and for an entry without a reason."""
    for key in table.keys() - {"ignore"}:
        raise UsageError(f"{file}: [verify] {key} = {table[key]!r} is not a valid setting", _EXAMPLE, code="config.unknown")
    entries = table.get("ignore", [])
    if not isinstance(entries, list):
        raise UsageError(f"{file}: [verify] ignore is not a list of tables", _EXAMPLE, code="config.ignore")
    return tuple(_entry(entry, file) for entry in entries)


def _entry(entry: Any, file: str) -> Ignore:
    if not isinstance(entry, dict) or set(entry) != {"object", "reason"}:
        raise UsageError(f"{file}: a [[verify.ignore]] needs object and reason, and no other key", _EXAMPLE, code="config.ignore")
    if not all(isinstance(text, str) and text.strip() for text in entry.values()):
        text = f"{file}: [[verify.ignore]] object and reason must be texts that are not empty"
        raise UsageError(text, _EXAMPLE, code="config.ignore")
    return Ignore(entry["object"], entry["reason"])
