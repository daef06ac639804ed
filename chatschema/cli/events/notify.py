"""chatschema events notify."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.events import arguments


def notify(
    off: Annotated[bool, typer.Option("--off", help="Stop the notifications.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Tell listeners of new events by NOTIFY chatschema_events, which is a hint: it may be lost.

    Transactions that write events then commit one after the other.
    """
    from chatschema.events import switches

    with session.connected(session.settings(url)) as (_, connection):
        found = switches.set_notify(connection, on=not off)
    if json:
        console.as_json({"switches": found})
    else:
        console.answer(arguments.words(found))
