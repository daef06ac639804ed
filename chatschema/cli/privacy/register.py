"""chatschema privacy register."""

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ExitCode


def register(json: options.Json = False, url: options.Url = None) -> None:
    """Print the record of processing (Art. 30 GDPR) as Markdown. Reads only the catalog.

    It is made from the tags in the comments of the columns. Exits with 3 if a column has no valid tag.
    """
    from chatschema.privacy import register as record

    with session.connected(session.settings(url), writes=False) as (live, connection):
        found = record.read(connection, live)
    if json:
        console.as_json(found)
    else:
        console.answer(record.markdown(found).rstrip())
    if found.problems:
        raise typer.Exit(ExitCode.FINDINGS)
