"""chatschema hold add, list, export and release."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.hold import Hold
    from chatschema.postgres import Connection

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Legal holds: messages that chatschema will not delete.")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="The reason, for example a case number.")]


@app.command("add")
def add(
    reason: Reason,
    conversation: Annotated[str | None, typer.Option("--conversation", metavar="ID", help="Messages of this conversation.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID|NAME", help="Messages that this user sent, or could read.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Messages from this day on, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Messages before this day, UTC.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All messages, if no other option limits the hold.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Place a hold on messages.

    From now on neither chatschema nor the application can remove the messages that the hold covers.
    """
    from chatschema import hold
    from chatschema.partition import held

    if not (conversation or user or since or until or everything):
        raise UsageError(
            "this hold would cover every message",
            "confirm it with --everything, or limit it: --conversation, --user, --from, --to",
            code="hold.everything",
        )
    period = _day(since, "--from"), _day(until, "--to")
    if period[0] and period[1] and period[0] >= period[1]:
        text = f"--from {since} is not before --to {until}"
        raise UsageError(text, "the day of --to is not part of the hold", code="hold.empty-period")
    with session.connected(session.settings(url)) as (_, connection):
        _require_table(connection)
        placed = hold.add(
            connection, conversation=_uuid(conversation, "--conversation") if conversation else None,
            user=_user(connection, user) if user else None, period=period, reason=reason, say=console.note,
        )  # fmt: skip
        late = held.dropped_months(connection, placed)
    if json:
        console.as_json({"hold": placed, "already_dropped": late})
        return
    console.answer(f"placed hold {placed.id}: {_scope(placed)}")
    if late:
        console.note(f"warning: dropped before this hold: {', '.join(late)}; restore them: chatschema partition restore MONTH")


@app.command("list")
def list_holds(
    released: Annotated[bool, typer.Option("--all", help="List released holds too.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """List the holds, oldest first. Reads only."""
    from chatschema import hold

    with session.connected(session.settings(url), writes=False) as (_, connection):
        _require_table(connection)
        holds = hold.holds(connection, released=released)
    if json:
        console.as_json({"holds": holds})
        return
    rows = [
        (str(h.id), units.when(h.placed_at), h.placed_by, units.when(h.released_at) or "active", _scope(h), h.reason) for h in holds
    ]
    if rows:
        console.table(("hold", "placed (UTC)", "by", "released", "covers", "reason"), rows, right=(0,))
    else:
        console.answer("no hold is active")


@app.command("export")
def export(
    id: Annotated[int, typer.Argument(metavar="ID", help="The hold's number, as chatschema hold list shows it.")],
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="New folder for the files.  [default: hold-ID]", show_default=False)
    ] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Export the messages under a hold to files.

    Their statuses and attachments are exported too. Removes nothing.
    """
    from chatschema.partition import held
    from chatschema.postgres import locks

    folder = (directory or Path(f"hold-{id}")).absolute()
    with session.connected(session.settings(url)) as (_, connection):
        _require_table(connection, "hold_conversations")
        with locks.migration_lock(connection, wait_s=lock_wait, say=console.note):
            written = held.export(connection, id, folder)
    if json:
        console.as_json({"folder": folder, "manifest": written})
        return
    for part in written.tables:
        console.answer(f"{folder / part.file.name}: {part.rows} rows, {units.size(part.file.bytes)}")
    if written.dropped_months:
        console.note(f"warning: these months were dropped before and are not exported: {', '.join(written.dropped_months)}")


@app.command("release")
def release(
    id: Annotated[int, typer.Argument(metavar="ID", help="The hold's number, as chatschema hold list shows it.")],
    reason: Reason,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Release a hold.

    This removes nothing. The next maintain, retire or purge may remove the messages.
    """
    from chatschema import hold
    from chatschema.partition import erasures

    with session.connected(session.settings(url)) as (_, connection):
        _require_table(connection)
        done = hold.release(connection, id, reason)
        due = erasures.due(connection)
    if json:
        console.as_json({"hold": done, "erasures_due": due})
        return
    console.answer(f"released hold {id}; nothing was removed")
    if due:
        console.answer(f"{due} rows whose erasure it deferred are due now: chatschema maintain")


def _require_table(connection: Connection, table: str = "holds") -> None:
    from chatschema import postgres

    if not postgres.has_table(connection, f"chatschema.{table}"):
        text = f"this database has no table chatschema.{table} yet"
        raise ChatschemaError(text, "first: chatschema migrate", code="hold.not-migrated")


def _uuid(text: str, where: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        hint = "ids look like 019b76da-a800-7000-8000-000000000000"
        raise UsageError(f"{where} {text} is not an id", hint, code="hold.id-syntax") from None


def _user(connection: Connection, text: str) -> UUID:
    """Return the id of a user given by id or by name."""
    from chatschema import users

    return users.find(connection, text) or _uuid(text, "--user")


def _day(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"{where} {text} is not a date", "write it as 2024-12-31", code="hold.date-syntax") from None


def _scope(hold: Hold) -> str:
    parts = [
        f"conversation {hold.conversation_id}" if hold.conversation_id else "",
        f"user {hold.user_id}" if hold.user_id else "",
        f"from {hold.from_at:%Y-%m-%d}" if hold.from_at else "",
        f"before {hold.to_at:%Y-%m-%d}" if hold.to_at else "",
    ]
    return ", ".join(part for part in parts if part) or "everything"
