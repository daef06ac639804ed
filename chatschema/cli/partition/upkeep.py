"""chatschema partition ensure, purge and maintain: what keeps the months right; maintain is the one for cron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.errors import ChatschemaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatschema.models import Month, Settings
    from chatschema.partition.purge import Purged
    from chatschema.postgres import Connection


def ensure(
    since: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="First month, for an import of old messages.")
    ] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Make the months that are missing."""
    from chatschema import locks

    with (
        session.connected(session.settings(url, sql_dir)) as (live, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
        months = _ensure(connection, live, since)
    if json:
        console.as_json({"created": months})
        return
    for month in months:
        console.answer(f"created {month.name}")
    if not months:
        console.answer("nothing to do: no month is missing")


def _ensure(connection: Connection, settings: Settings, since: str | None = None) -> list[Month]:
    from chatschema.partition import catalog, create

    first = arguments.month(since, "--from") if since else None
    parents, ahead = arguments.require_tables(connection), settings.policy.ahead
    if first and first > catalog.server_now(connection):
        raise UsageError(f"--from {since} is not in the past", f"the {ahead} months ahead are made without it")
    plan = create.missing(connection, settings.sql_dir, parents, since=first, ahead=ahead)
    away = sorted({month.lower for month in catalog.dropped(connection) if first and month.upper > first})
    if away:
        months = ", ".join(f"{lower:%Y-%m}" for lower in away)
        console.note(f"warning: retired, so not made anew: {months}; bring them back: chatschema partition restore MONTH")
    return list(create.ensure(connection, settings.sql_dir, plan, say=console.note))


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, max=100000, help="Messages in a transaction.")] = 1000,
    pace: Annotated[float, typer.Option("--pace", metavar="X", min=0, help="Pause X times as long as a batch took.")] = 1.0,
    json: options.Json = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Remove messages that their conversation's retention_days, or their own expires_at, says to remove."""
    from chatschema.partition import purge as rows

    with session.connected(session.settings(url, sql_dir), writes=not dry_run) as (live, connection):
        arguments.require_tables(connection)
        purged = (
            rows.due(connection)
            if dry_run
            else list(rows.purge(connection, live.sql_dir, batch=batch, pace=pace, say=console.note))
        )
    if json:
        console.as_json({"would_purge" if dry_run else "purged": purged})
        return
    for one in purged:
        console.answer(f"{'would purge' if dry_run else 'purged'} {_messages_of(one)}")
    if not purged:
        console.answer("nothing to do: no message has outstayed its retention")


def _messages_of(purged: Purged) -> str:
    return f"{purged.messages} messages of {purged.conversation or 'any conversation, expired'}"


def maintain(
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Do all that is due: finish what was cut off, make months, purge, retire by the policy, freeze, analyze. For cron."""
    with session.connected(session.settings(url, sql_dir)) as (live, connection):
        done, failed = _maintain(connection, live, lock_wait)
    if json:
        console.as_json({**done, "failed": [error.message for error in failed]})
    else:
        for line in _lines(done):
            console.answer(line)
    if failed:
        raise failed[0]


def _maintain(connection: Connection, settings: Settings, lock_wait: float) -> tuple[dict[str, list[Any]], list[ChatschemaError]]:
    """Do every part; return what each did, and the errors of those that failed."""
    from chatschema import locks
    from chatschema.partition import detach, purge, retire
    from chatschema.partition import upkeep as tables

    arguments.require_tables(connection)
    sql_dir = settings.sql_dir
    done: dict[str, list[Any]] = {}
    failed: list[ChatschemaError] = []

    def part(name: str, action: Callable[[], Iterable[object]]) -> None:
        """Do one part; its failure does not keep the others from being done."""
        done[name] = []
        try:
            done[name].extend(action())
        except ChatschemaError as error:
            if connection.closed:
                raise
            console.note(f"warning: {name}: {error.message}")
            failed.append(error)

    with locks.migration_lock(connection, wait_s=lock_wait, say=console.note):
        # First what the application stops without.
        part("created", lambda: _ensure(connection, settings))
        part("finished", lambda: detach.finish_pending(connection, sql_dir, say=console.note))
        part("retired", lambda: retire.retire(connection, sql_dir, settings.policy, say=console.note))
    # What follows needs no lock of ours: two of them at once do each row and each table once.
    part("purged", lambda: purge.purge(connection, sql_dir, say=console.note))
    part("frozen", lambda: tables.freeze_closed(connection, sql_dir))
    part("analyzed", lambda: tables.analyze_parents(connection))
    return done, failed


def _lines(done: dict[str, Any]) -> list[str]:
    return [
        *(f"finished the detach of {month.name}" for month in done["finished"]),
        *(f"created {month.name}" for month in done["created"]),
        *(f"{step.month:%Y-%m} {step.result}" for step in done["retired"]),
        *(f"purged {_messages_of(one)}" for one in done["purged"]),
        *(f"froze {name}" for name in done["frozen"]),
        f"analyzed {', '.join(done['analyzed'])}",
    ]
