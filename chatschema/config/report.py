"""The table [report] of chatschema.toml: thresholds of reports, and suppressed findings. Values only."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from chatschema.errors import UsageError
from chatschema.values import Reporting, Suppression

_EXAMPLE = 'write [[report.suppress]] with finding = "indexes.unused:*", reason = "...", until = 2027-01-31'


def parse(table: Mapping[str, Any], file: str) -> Reporting:
    """Return the table's values. Raises UsageError; whether a report has a threshold of this name is checked when it runs."""
    thresholds: dict[str, dict[str, float]] = {}
    for name, value in table.items():
        if name == "suppress":
            continue
        if not isinstance(value, dict):
            text, hint = (
                f"{file}: [report] {name} = {value!r} is not a valid setting",
                "thresholds are in a table: [report.indexes]",
            )
            raise UsageError(text, hint, code="config.unknown")
        for key, number in value.items():
            # bool is an int in Python, but not a number here.
            if type(number) not in (int, float):
                text, hint = f"{file}: [report.{name}] {key} = {number!r} is not a number", "write a number without quotes"
                raise UsageError(text, hint, code="config.threshold")
        thresholds[name] = dict(value)
    entries = table.get("suppress", [])
    if not isinstance(entries, list):
        raise UsageError(f"{file}: [report] suppress is not a list of tables", _EXAMPLE, code="config.suppression")
    return Reporting(thresholds, tuple(_suppression(entry, file) for entry in entries))


def _suppression(entry: Any, file: str) -> Suppression:
    if not isinstance(entry, dict) or set(entry) != {"finding", "reason", "until"}:
        text = f"{file}: a [[report.suppress]] needs finding, reason and until, and no other key"
        raise UsageError(text, _EXAMPLE, code="config.suppression")
    # A datetime is a date in Python, but not a last day.
    if type(entry["until"]) is not date:
        raise UsageError(
            f"{file}: [[report.suppress]] until = {entry['until']!r} is not a date",
            "write it without quotes: until = 2027-01-31",
            code="config.suppression",
        )
    if not all(isinstance(entry[key], str) and entry[key].strip() for key in ("finding", "reason")):
        text = f"{file}: [[report.suppress]] finding and reason must be texts that are not empty"
        raise UsageError(text, _EXAMPLE, code="config.suppression")
    return Suppression(entry["finding"], entry["reason"], entry["until"])
