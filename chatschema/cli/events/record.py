"""chatschema events record."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.events import arguments


def record(
    off: Annotated[bool, typer.Option("--off", help="Stop recording changes.")] = False,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Record changes of conversations, participants and messages as events.

    What is purged, retired, restored, erased, held and revoked is always recorded, and so are changes of public keys.
    """
    from chatschema.events import switches

    with session.connected(session.settings(url)) as (_, connection):
        found = switches.set_changes(connection, on=not off)
    if json:
        console.as_json({"switches": found})
    else:
        console.answer(arguments.words(found))
