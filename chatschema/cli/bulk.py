"""chatschema seed --messages: the options of a bulk seed, its bars and its answer."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

from chatschema.cli import bars, console
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.values import Settings

_UNITS = {"": 1, "k": 1000, "m": 1_000_000}
_PHASES = {"people": "people", "messages": "messages", "keys": "tables with keys", "files": "months", "statistics": "statistics"}


def number(text: str | None, option: str) -> int | None:
    """Return the number in 5000, 300k or 10m, None for none. Raises UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,12})([km]?)", text.strip().lower().replace("_", ""))
    if not match:
        raise UsageError(f"{option} {text} is not a number", "write it like 5000, 300k or 10m", code="seed.bulk-size")
    return int(match[1]) * _UNITS[match[2]]


def day(text: str | None) -> date | None:
    """Return the day of --until. Raises UsageError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"--until {text} is not a day", "write it like 2026-11-30", code="seed.bulk-size") from None


def seed(
    settings: Settings,
    connection: Connection,
    messages: str | None,
    users: str | None,
    conversations: str | None,
    months: int | None,
    until: str | None,
    profile: str | None,
    *,
    rng: int,
    workers: int,
    into_used: bool,
    checksum: bool,
    lock_wait_s: float,
    as_json: bool,
) -> None:
    """Store a bulk seed, and print its months."""
    from chatschema.task import bulk_seeding

    size = bulk_seeding.size(
        connection,
        number(messages, "--messages"),
        users=number(users, "--users"),
        conversations=number(conversations, "--conversations"),
        months=months,
        until=day(until),
        rng=rng,
        profile=bulk_seeding.profile(settings, profile),
    )
    with bars.shown(_PHASES) as watch:
        done = bulk_seeding.seed(
            settings, connection, size, into_used=into_used, workers=workers, lock_wait_s=lock_wait_s, say=console.note, watch=watch
        )
    sums = bulk_seeding.checksum(connection) if checksum or as_json else None
    if as_json:
        console.as_json({"bulk": {**asdict(done), "checksum": sums}})
        return
    if not done.is_new:
        console.answer("nothing to do: already seeded")
    rows = [(m.month, m.path, str(m.messages), str(m.statuses), str(m.attachments)) for m in done.months]
    console.table(("month", "path", "messages", "statuses", "attachments"), rows, right=(2, 3, 4))
    if sums:
        console.answer(f"checksum {sums}")
