"""chatschema batch run."""

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.batch import arguments
from chatschema.task import waits


def run(
    id: Annotated[int | None, typer.Argument(metavar="[ID]", help="Number of the batch; all of `-- wait: no` by default.")] = None,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Run the batches of data migrations to the end, and record these as applied.

    If the run is killed, the next one continues after the last batch. The limits are in [batches] of chatschema.toml.
    """
    from chatschema.task import batching

    done = []
    with session.connected(session.settings(url)) as (live, connection):
        for batch in batching.run(connection, live, id, lock_wait_s=lock_wait, say=console.note):
            done.append(batch)
            if not json:
                console.answer(arguments.line(batch))
    if json:
        console.as_json({"done": done})
    elif not done:
        console.answer("nothing to do: no batch is running")
