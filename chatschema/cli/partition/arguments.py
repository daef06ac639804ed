"""Arguments that the commands about months share: a month, and a policy."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from chatschema.values import Policy

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="The month, for example 2024-12.")]


def month(text: str, where: str) -> datetime:
    """Return the first instant of the month that "2024-12" names. Raises UsageError, naming `where`."""
    if not re.fullmatch(r"(?:19[7-9]\d|[2-9]\d{3})-(?:0[1-9]|1[0-2])", text):
        text = f"{where} {text} is not a month since 1970, when UUIDv7 begins"
        raise UsageError(text, "write it as 2024-12", code="partition.month-syntax")
    return datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC)


def policy(
    base: Policy, *, older_than: str | None, grace: str | None, holds: str | None, archive: bool | None, archive_dir: Path | None
) -> Policy:
    """Return the policy with the options of the command line applied. Raises UsageError for an invalid one."""
    from dataclasses import replace

    from chatschema.config import partition

    if holds not in (None, "block", "carve"):
        hint = "block keeps the whole month, carve only the held rows"
        raise UsageError(f"--holds {holds} is neither block nor carve", hint, code="config.holds")
    changes = {
        "keep": partition.horizon(older_than, "--older-than") if older_than else None,
        "grace": partition.span(grace, "--grace") if grace else None,
        "holds": holds,
        "archive": archive,
        "archive_dir": archive_dir.absolute() if archive_dir else None,
    }
    return replace(base, **{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]
