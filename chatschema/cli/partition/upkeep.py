"""chatschema partition ensure and purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.partition.purge import Purged
    from chatschema.postgres import Connection
    from chatschema.values import Month, Settings


def ensure(
    since: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="First month, for an import of old messages.")
    ] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Make the months that are missing."""
    from chatschema.postgres import locks

    with (
        session.connected(session.settings(url)) as (live, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
        months = ensure_months(connection, live, since)
    if json:
        console.as_json({"created": months})
        return
    for month in months:
        console.answer(f"created {month.name}")
    if not months:
        console.answer("nothing to do: no month is missing")


def ensure_months(connection: Connection, settings: Settings, since: str | None = None) -> list[Month]:
    """Create the missing months and return them. Raises UsageError when `since` is not in the past."""
    from chatschema.partition import catalog, create, default

    first = arguments.month(since, "--from") if since else None
    parents, ahead = arguments.require_tables(connection), settings.policy.ahead
    if first and first > catalog.server_now(connection):
        raise UsageError(f"--from {since} is not in the past", f"the {ahead} months ahead are made without it")
    plan = create.missing(connection, parents, since=first, ahead=ahead)
    away = sorted({month.lower for month in catalog.dropped(connection) if first and month.upper > first})
    if away:
        months = ", ".join(f"{lower:%Y-%m}" for lower in away)
        console.note(f"warning: retired, so not made anew: {months}; bring them back: chatschema partition restore MONTH")
    made = list(create.ensure(connection, plan, say=console.note))
    now = catalog.server_now(connection)
    for finding in default.finding(default.defaults(connection, now), now):
        console.note(f"warning: {finding}")
    return made


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, max=100000, help="Messages in a transaction.")] = 1000,
    pace: Annotated[float, typer.Option("--pace", metavar="X", min=0, help="Pause X times as long as a batch took.")] = 1.0,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Remove messages by retention_days of their conversation and by expires_at; erase what a released hold had deferred."""
    from chatschema.partition import erasures
    from chatschema.partition import purge as rows

    with session.connected(session.settings(url), writes=not dry_run) as (_, connection):
        arguments.require_tables(connection)
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
        console.answer("nothing to do: no message has outstayed its retention")


def messages_of(purged: Purged) -> str:
    """Return how many messages were purged, and whose, in words."""
    return f"{purged.messages} messages of {purged.conversation or 'any conversation, expired'}"
