"""What the commands about months have in common: reading a month, a policy, and whether the tables are there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatschema.errors import ChatschemaError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from chatschema.postgres import Connection
    from chatschema.values import Policy


def month(text: str, where: str) -> datetime:
    """Return the first instant of the month that "2024-12" names. Raises UsageError, naming `where`."""
    if not re.fullmatch(r"(?:19[7-9]\d|[2-9]\d{3})-(?:0[1-9]|1[0-2])", text):
        raise UsageError(f"{where} {text} is not a month from 1970 on, where UUIDv7 begins", "write it as 2024-12")
    return datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC)


def policy(
    base: Policy, *, older_than: str | None, grace: str | None, holds: str | None, archive: bool | None, archive_dir: Path | None
) -> Policy:
    """Return the policy with what the command line says in its place. Raises UsageError for what it cannot mean."""
    from dataclasses import replace

    from chatschema.config import partition

    if holds not in (None, "block", "carve"):
        raise UsageError(f"--holds {holds} is neither block nor carve", "block keeps the whole month")
    changes = {
        "keep": partition.horizon(older_than, "--older-than") if older_than else None,
        "grace": partition.span(grace, "--grace") if grace else None,
        "holds": holds,
        "archive": archive,
        "archive_dir": archive_dir.absolute() if archive_dir else None,
    }
    return replace(base, **{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]


def require_tables(connection: Connection, *needed: str) -> list[str]:
    """Return the partitioned tables, messages first; raise when they, or the tables that retirement needs, are missing.

    `needed` are tables of schema chatschema that a command needs besides: an earlier release may not have made them.
    """
    from chatschema import postgres
    from chatschema.partition import catalog

    parents = catalog.parents(connection)
    if not parents:
        raise ChatschemaError("table messages is not there, so it can have no months", "first: chatschema migrate")
    for table in ("retired_months", *needed):
        if not postgres.has_table(connection, f"chatschema.{table}"):
            raise ChatschemaError(f"this database has no table chatschema.{table} yet", "first: chatschema migrate")
    return parents
