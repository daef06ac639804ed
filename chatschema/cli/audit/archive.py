"""chatschema audit archive."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.audit import verify
from chatschema.errors import UsageError
from chatschema.task import waits


def archive(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.", file_okay=False)],
    before: Annotated[str | None, typer.Option("--before", metavar="DATE", help="Only seals made before this day, UTC.")] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Write sealed entries of the audit trail to files, one for each seal. Removes nothing.

    The files contain personal data, and are readable by nobody else. Each is read back before it is recorded. Exit 3 if entries
    are not as they were sealed.
    """
    from chatschema.audit import archive

    done = []
    limit = _day(before) if before else None
    with session.connected(session.settings(url)) as (_, connection):
        for one in archive.archive(connection, out, before=limit, wait_s=lock_wait, say=console.note):
            done.append(one)
            if not json:
                console.answer(f"{one.file}: {verify.entries(one.entries)}, {units.size(one.bytes)}")
    if json:
        console.as_json({"archived": done})
    elif not done:
        console.answer("nothing to do: each of these seals has a file")


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"--before {text} is not a date", "write it as 2024-12-31", code="audit.date-syntax") from None
