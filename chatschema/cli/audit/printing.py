"""Rows of the trail as tables, lines and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatschema import units
from chatschema.cli import console

if TYPE_CHECKING:
    from chatschema.audit.entry import Entry

_HEADER = ("id", "when (UTC)", "severity", "action", "user", "resource", "from", "details")
_CSV = (
    "id", "created_at", "recorded_at", "user_id", "action", "resource_type", "resource_id", "severity", "session_id", "request_id",
    "ip_address", "user_agent", "recorded_by", "details",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show(entries: Sequence[Entry]) -> None:
    """Print rows as a table; on a narrow terminal a few lines for each."""
    if console.is_narrow():
        for entry in entries:
            for text in _block(entry):
                console.answer(text)
        return
    console.table(_HEADER, [_row(entry) for entry in entries], right=(0,))


def follow(entry: Entry) -> bool:
    """Print a row at once, on one line off a terminal; return whether anybody reads on."""
    lines = _block(entry) if console.is_narrow() else ["  ".join(part for part in _row(entry) if part)]
    return all(console.line(console.shown(text)) for text in lines)


def separated(entries: Sequence[Entry]) -> None:
    """Print rows as CSV (RFC 4180); a text that a spreadsheet would run as a formula begins with an apostrophe."""
    lines: list[str] = []
    writer = csv.writer(_Sink(lines), lineterminator="\r\n")
    writer.writerow(_CSV)
    writer.writerows([_raw(getattr(entry, name)) for name in _CSV] for entry in entries)
    for text in lines:
        console.data(text.removesuffix("\r\n"))


class _Sink:
    """What csv.writer writes to, a line at a time."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _raw(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return units.iso(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def resource(entry: Entry) -> str:
    """Return what a row is about, as --resource takes it."""
    return ":".join(part for part in (entry.resource_type, entry.resource_id) if part)


def second(moment: datetime) -> str:
    """Return a time to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        str(entry.id), second(entry.created_at), entry.severity, entry.action, str(entry.user_id or f"({entry.recorded_by})"),
        resource(entry), entry.ip_address or "", _details(entry),
    )  # fmt: skip


def _details(entry: Entry) -> str:
    return json.dumps(entry.details, ensure_ascii=False) if entry.details else ""


def _block(entry: Entry) -> list[str]:
    whom = f"user {entry.user_id}" if entry.user_id else f"database role {entry.recorded_by}"
    lines = [f"{entry.id}  {second(entry.created_at)}  {entry.severity}", f"  {entry.action}", f"  {whom}"]
    lines += [f"  {resource(entry)}"] if entry.resource_type else []
    lines += [f"  from {entry.ip_address}"] if entry.ip_address else []
    lines += [f"  {_details(entry)}"] if entry.details else []
    return lines
