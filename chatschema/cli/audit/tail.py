"""chatschema audit tail."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session, signals
from chatschema.cli.audit import arguments, printing


def tail(
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, max=100_000, help="The newest N rows.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then print each row when it is committed, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option("--every", metavar="S", min=0.1, max=3600, help="Look for new rows every S seconds.")] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document; with --follow one per row, each on its own line.")
    ] = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Show the newest rows of the audit trail, oldest first. Reads only."""
    from chatschema.audit import tail as tailing

    with session.connected(session.settings(url), wait_s=wait, writes=False) as (_, connection):
        arguments.require_trail(connection)
        entries, place = tailing.newest(connection, lines)
        if not follow:
            if json:
                console.as_json({"entries": entries})
            elif entries:
                printing.show(entries)
            else:
                console.answer("the audit trail has no row")
            return
        print_one = console.as_json_line if json else printing.follow
        try:
            while all(print_one(entry) for entry in entries) and console.wait(every):
                entries = tailing.more(connection, place)
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(signals.exit_code(interrupt)) from None
