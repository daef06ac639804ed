"""chatschema partition list and ensure."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The monthly partitions of messages and message_statuses.")


@app.command("list")
def list_months(json: options.Json = False, url: options.Url = None, sql_dir: options.SqlDir = None) -> None:
    """List the months there are. Reads only."""
    from chatschema import partition

    with session.connected(session.settings(url, sql_dir), writes=False) as (live, connection):
        months = partition.months(connection, live.sql_dir)
        runways = partition.runway(months, partition.parents(connection), partition.server_now(connection))
    if json:
        console.as_json({"partitions": months, "runway": runways})
        return
    rows = [(m.parent, m.name, f"{m.lower:%Y-%m-%d}", f"{m.upper:%Y-%m-%d}") for m in months]
    console.table(("table", "partition", "from", "to"), rows)


@app.command("ensure")
def ensure_months(
    since: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="First month, for an import of old messages.")
    ] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Make the months that are missing."""
    from chatschema import locks, partition

    first = _month(since)
    with (
        session.connected(session.settings(url, sql_dir)) as (live, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
        parents, now = partition.parents(connection), partition.server_now(connection)
        if not parents:
            raise ChatschemaError("table messages is not there, so it can have no months", "first: chatschema migrate")
        if first and first > now:
            raise UsageError(f"--from {since} is not in the past", f"the {partition.MONTHS_AHEAD} months ahead are made without it")
        plan = partition.plan(now, partition.months(connection, live.sql_dir), parents, first)
        months = list(partition.ensure(connection, live.sql_dir, plan, say=console.note))
    if json:
        console.as_json({"created": months})
        return
    for month in months:
        console.answer(f"created {month.name}")
    if not months:
        console.answer("nothing to do: no month is missing")


def _month(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not re.fullmatch(r"(?:19[7-9]\d|[2-9]\d{3})-(?:0[1-9]|1[0-2])", text):
        raise UsageError(f"--from {text} is not a month from 1970 on, where UUIDv7 begins", "write it as 2024-12")
    return datetime(int(text[:4]), int(text[5:]), 1, tzinfo=UTC)
