"""The table [report] of chatschema.toml: thresholds of reports, and findings that are known. Values only."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from chatschema.errors import UsageError
from chatschema.values import Reporting, Suppression

_EXAMPLE = 'write [[report.suppress]] with finding = "indexes.unused:*", reason = "...", until = 2027-01-31'


def parse(table: Mapping[str, Any], file: str) -> Reporting:
    """Return what the table says. Raises UsageError; whether a report has such a threshold is known when it runs."""
    thresholds: dict[str, dict[str, float]] = {}
    for name, value in table.items():
        if name == "suppress":
            continue
        if not isinstance(value, dict):
            raise UsageError(f"{file}: [report] {name} = {value!r} is not a setting", "thresholds are in a table: [report.indexes]")
        for key, number in value.items():
            # bool is an int to Python, and no number.
            if type(number) not in (int, float):
                raise UsageError(f"{file}: [report.{name}] {key} = {number!r} is not a number")
        thresholds[name] = dict(value)
    entries = table.get("suppress", [])
    if not isinstance(entries, list):
        raise UsageError(f"{file}: [report] suppress is not a list of tables", _EXAMPLE)
    return Reporting(thresholds, tuple(_suppression(entry, file) for entry in entries))


def _suppression(entry: Any, file: str) -> Suppression:
    if not isinstance(entry, dict) or set(entry) != {"finding", "reason", "until"}:
        raise UsageError(f"{file}: a [[report.suppress]] needs finding, reason and until, and nothing else", _EXAMPLE)
    # A datetime is a date to Python, and no last day.
    if type(entry["until"]) is not date:
        raise UsageError(
            f"{file}: [[report.suppress]] until = {entry['until']!r} is not a day", "write it bare: until = 2027-01-31"
        )
    if not all(isinstance(entry[key], str) and entry[key].strip() for key in ("finding", "reason")):
        raise UsageError(f"{file}: [[report.suppress]] finding and reason are texts", _EXAMPLE)
    return Suppression(entry["finding"], entry["reason"], entry["until"])
