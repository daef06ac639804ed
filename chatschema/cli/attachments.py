"""chatschema attachments due and done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.values import Settings, Span

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Stored files whose message is gone: which to remove.")

Unattached = Annotated[
    str | None,
    typer.Option("--unattached", metavar="SPAN", help="Files without a message for this long are due as well; 1d by default."),
]
_DEFAULT = "1d"


@app.command("due")
def due(
    unattached: Unattached = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The oldest N files.")] = 1000,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """List stored files that can be removed: deleted, or without a message for some time. Reads only.

    Remove the bytes from the store, then pass their ids to: chatschema attachments done
    """
    from chatschema import attachments

    settings = session.settings(url)
    span = _span(unattached, settings)
    with session.connected(settings, writes=False) as (_, connection):
        found = attachments.due(connection, span, limit=limit)
    if json:
        console.as_json(found)
        return
    rows = [
        (str(one.id), one.storage_provider, one.storage_key, units.size(one.size_bytes), one.state, units.when(one.since))
        for one in found.files
    ]
    if rows:
        console.table(("id", "store", "key", "size", "state", "since (UTC)"), rows, right=(3,))
    else:
        console.answer("no file is due")
    if found.total > len(found.files):
        console.note(f"{found.total} files are due, {units.size(found.bytes)}; these are the oldest {len(found.files)}: --limit N")


@app.command("done")
def done(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Files whose bytes were removed; - reads ids from standard input.")
    ],
    unattached: Unattached = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Delete the rows of files whose bytes were removed from the store.

    A file that is not due is refused, and with it the whole: its row is the only pointer to its bytes.
    """
    from chatschema import attachments

    settings = session.settings(url)
    span = _span(unattached, settings)
    chosen = [_uuid(text) for one in ids for text in (sys.stdin.read().split() if one == "-" else [one])]
    with session.connected(settings) as (_, connection):
        count = attachments.done(connection, chosen, span) if chosen else 0
    if json:
        console.as_json({"removed": count})
    else:
        console.answer(f"removed the rows of {count} files" if count != 1 else "removed the row of 1 file")


def _span(unattached: str | None, settings: Settings) -> Span:
    """Return for how long a file has to be without a message: by the option, or files under [retention]."""
    from chatschema.config import partition

    if unattached is None and settings.retention.files is not None:
        return settings.retention.files
    return partition.span(unattached or _DEFAULT, "--unattached")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        hint = "ids look like 019b76da-a800-7000-8000-000000000000; list them: chatschema attachments due"
        raise UsageError(f"{text} is not the id of a file", hint, code="attachments.id-syntax") from None
