"""chatschema retention check."""

import typer

from chatschema.cli import console, options, session
from chatschema.cli.retention import printing
from chatschema.errors import ExitCode


def check(json: options.Json = False, url: options.Url = None) -> None:
    """Check that nothing is left that was due long ago. Exit 3 if there is. Reads only.

    Long ago is more than two days, or grace under [retention] in chatschema.toml: maintain runs once a day. What a hold keeps is
    not overdue.
    """
    from chatschema.task import months, retaining

    with session.connected(session.settings(url), writes=False) as (live, connection):
        months.require_tables(connection)
        found = retaining.check(connection, live)
    if json:
        console.as_json(found)
    elif found.overdue:
        printing.print_rules(found.overdue)
        console.answer()
        console.answer(f"all of this has been due for more than {found.grace}: chatschema retention run")
    else:
        console.answer(f"nothing has been due for more than {found.grace}")
    if found.overdue:
        raise typer.Exit(ExitCode.FINDINGS)
