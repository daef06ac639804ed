"""chatschema partition purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session

if TYPE_CHECKING:
    from chatschema.partition.purge import Purged


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the messages.")] = False,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, max=100000, help="Messages per transaction.")] = 1000,
    pace: Annotated[
        float, typer.Option("--pace", metavar="X", min=0, help="Pause between batches, as a multiple of batch time.")
    ] = 1.0,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Delete messages that are past their retention.

    Deletes messages older than retention_days of their conversation, and those past expires_at. Carries out erasures that a
    released hold had deferred.
    """
    from chatschema.partition import erasures
    from chatschema.partition import purge as rows
    from chatschema.task import months

    with session.connected(session.settings(url), writes=not dry_run) as (_, connection):
        months.require_tables(connection)
        purged = rows.due(connection) if dry_run else list(rows.purge(connection, batch=batch, pace=pace, say=console.note))
        erased = erasures.due(connection) if dry_run else sum(erasures.apply(connection))
    if json:
        console.as_json({"would_purge": purged, "would_erase": erased} if dry_run else {"purged": purged, "erased": erased})
        return
    for one in purged:
        console.answer(f"{'would purge' if dry_run else 'purged'} {messages_of(one)}")
    if erased:
        console.answer(f"{'would erase' if dry_run else 'erased'} {erased} rows that a released hold had kept")
    if not purged and not erased:
        console.answer("nothing to do: no message is past its retention")


def messages_of(purged: Purged) -> str:
    """Return how many messages were purged, and of which conversation, as text."""
    return f"{purged.messages} messages of {purged.conversation or 'any conversation, expired'}"
