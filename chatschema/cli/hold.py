"""chatschema hold add, list and release."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, UsageError

if TYPE_CHECKING:
    from chatschema.models import Hold
    from chatschema.postgres import Connection

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Legal holds: messages that nothing here removes.")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for example the number of the case.")]


@app.command("add")
def add(
    reason: Reason,
    conversation: Annotated[str | None, typer.Option("--conversation", metavar="ID", help="Messages of this conversation.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID|NAME", help="Messages that this user sent, or could read.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Messages from this day on, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Messages before this day, UTC.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All messages, where no other option narrows it.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Place a hold: from now on neither retire nor purge removes the messages it names."""
    from chatschema import hold

    if not (conversation or user or since or until or everything):
        raise UsageError(
            "this would hold every message", "say so with --everything, or narrow it: --conversation, --user, --from, --to"
        )
    period = _day(since, "--from"), _day(until, "--to")
    if period[0] and period[1] and period[0] >= period[1]:
        raise UsageError(f"--from {since} is not before --to {until}", "the day of --to is not part of the hold")
    with session.connected(session.settings(url)) as (_, connection):
        _require_table(connection)
        placed = hold.add(
            connection, conversation=_uuid(conversation, "--conversation") if conversation else None,
            user=_user(connection, user) if user else None, period=period, reason=reason,
        )  # fmt: skip
        late = _already_gone(connection, placed)
    if json:
        console.as_json({"hold": placed, "already_dropped": late})
        return
    console.answer(f"hold {placed.id} is placed: {_scope(placed)}")
    if late:
        console.note(f"warning: dropped before this hold: {', '.join(late)}; bring them back: chatschema partition restore MONTH")


@app.command("list")
def list_holds(
    released: Annotated[bool, typer.Option("--all", help="Those that were released, too.")] = False,
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
        console.table(("hold", "placed (UTC)", "by", "released", "what", "reason"), rows, right=(0,))
    else:
        console.answer("no hold is active")


@app.command("release")
def release(
    id: Annotated[int, typer.Argument(metavar="ID", help="The hold's number: chatschema hold list.")],
    reason: Reason,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Release a hold. Nothing is removed by this; the next retire or purge may."""
    from chatschema import hold

    with session.connected(session.settings(url)) as (_, connection):
        _require_table(connection)
        done = hold.release(connection, id, reason)
    if json:
        console.as_json({"hold": done})
        return
    console.answer(f"hold {id} is released; nothing was removed")


def _require_table(connection: Connection) -> None:
    from chatschema import postgres

    if not postgres.has_table(connection, "chatschema.holds"):
        raise ChatschemaError("this database has no table chatschema.holds yet", "first: chatschema migrate")


def _uuid(text: str, where: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{where} {text} is not an id", "ids look like 019b76da-a800-7000-8000-000000000000") from None


def _user(connection: Connection, text: str) -> UUID:
    """Return the id of a user given by id or by name."""
    from chatschema import postgres

    row = postgres.execute(connection, "select id from public.users where username = %s", (text.lower(),)).fetchone()
    return row[0] if row else _uuid(text, "--user")


def _day(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(f"{where} {text} is not a day", "write it as 2024-12-31") from None


def _already_gone(connection: Connection, placed: Hold) -> list[str]:
    """Return the dropped months that the hold's period touches: it comes too late for them."""
    from chatschema.partition import grid, ledger

    return [
        f"{record.month:%Y-%m}" + (f" (archive: {record.archive})" if record.archive else "")
        for record in ledger.read(connection).values()
        if record.state == "dropped"
        and (placed.to_at is None or record.month < placed.to_at)
        and (placed.from_at is None or grid.next_month(record.month) > placed.from_at)
    ]


def _scope(hold: Hold) -> str:
    parts = [
        f"conversation {hold.conversation_id}" if hold.conversation_id else "",
        f"user {hold.user_id}" if hold.user_id else "",
        f"from {hold.from_at:%Y-%m-%d}" if hold.from_at else "",
        f"before {hold.to_at:%Y-%m-%d}" if hold.to_at else "",
    ]
    return ", ".join(part for part in parts if part) or "everything"
