"""chatschema events tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session, signals
from chatschema.cli.events import printing

if TYPE_CHECKING:
    from chatschema.events.tail import Event
    from chatschema.postgres import Connection


def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, max=100_000, help="The newest N events.")] = 20,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="All events behind this cursor, instead of the newest.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Then print each event when it is committed, until Ctrl-C.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="S", min=0.1, max=3600, help="Look for new events every S seconds.")
    ] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document; with --follow one per event, each on its own line.")
    ] = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Show events, oldest first: each once, in whatever order transactions commit. Reads only."""
    from chatschema.events import tail as tailing

    with session.connected(session.settings(url), wait_s=wait, writes=False) as (_, connection):
        tailing.require(connection)
        if after is None:
            found, cursor = tailing.newest(connection, lines)
        else:
            found, cursor = _behind(connection, after)
        if not follow:
            if json:
                console.as_json({"events": found, "cursor": cursor})
            else:
                printing.show(found)
            return
        print_one = console.as_json_line if json else printing.follow
        try:
            while all(print_one(event) for event in found) and (found or console.wait(every)):
                found = tailing.after(connection, cursor)
                cursor = found[-1].cursor if found else cursor
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(signals.exit_code(interrupt)) from None


def _behind(connection: Connection, cursor: str) -> tuple[list[Event], str]:
    from chatschema.events import tail as tailing

    found: list[Event] = []
    while page := tailing.after(connection, cursor):
        found += page
        cursor = page[-1].cursor
    return found, cursor
