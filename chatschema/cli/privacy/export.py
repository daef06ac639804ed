"""chatschema privacy export."""

from pathlib import Path
from typing import Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.privacy.arguments import User
from chatschema.errors import UsageError


def export(
    user: User,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="New folder for the files.  [default: privacy-export-ID]", show_default=False),
    ] = None,
    scope: Annotated[
        str,
        typer.Option("--scope", metavar="SCOPE", help="all: all data about the person; provided: what the person provided."),
    ] = "all",
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Export the data of a person to files (Art. 15 and 20 GDPR).

    Other people appear under pseudonyms. Secrets are left out. Archived months are read where their files can be reached.
    """
    from chatschema.privacy.export.parts import SCOPES
    from chatschema.task import exporting

    chosen = next((one for one in SCOPES if one == scope), None)
    if chosen is None:
        raise UsageError(f"--scope {scope} is neither all nor provided", "all is the default", code="privacy.scope")
    with session.connected(session.settings(url)) as (_, connection):
        folder, written = exporting.export(connection, user, chosen, out, say=console.note)
    if json:
        console.as_json({"folder": folder, "manifest": written})
        return
    rows = [(file.name, "" if file.rows is None else str(file.rows), units.size(file.bytes), file.what) for file in written.files]
    console.table(("file", "rows", "size", "contents"), rows, right=(1, 2))
    console.answer()
    console.answer(f"{folder}: manifest.json has the checksums, index.html is for reading")
    for one in written.left_out:
        console.note(f"left out: {one.what}: {one.why}")
