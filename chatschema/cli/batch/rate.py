"""chatschema batch rate."""

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.batch import arguments


def rate(
    id: arguments.IdArgument,
    rows: Annotated[int, typer.Argument(metavar="ROWS", min=0, max=1_000_000, help="Most rows per second; 0 for no limit.")],
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Limit how many rows a second the batches of a data migration change; a running one obeys at once."""
    from chatschema.task import batching

    with session.connected(session.settings(url)) as (_, connection):
        batch = batching.limit(connection, id, rows)
    if json:
        console.as_json({"batch": batch})
    else:
        console.answer(arguments.line(batch))
