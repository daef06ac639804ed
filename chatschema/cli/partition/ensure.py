"""chatschema partition ensure."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.task import waits


def ensure(
    since: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="Create months from this one on, to import old messages.")
    ] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Create the missing months, from now to the months ahead."""
    from chatschema.task import months

    first = arguments.month(since, "--from") if since else None
    with session.locked(session.settings(url), lock_wait) as (live, connection):
        created = months.ensure(connection, live, first, say=console.note)
    if json:
        console.as_json({"created": created})
        return
    for month in created:
        console.answer(f"created {month.name}")
    if not created:
        console.answer("nothing to do: no month is missing")
