"""chatschema batch resume."""

from chatschema.cli import console, options, session
from chatschema.cli.batch import arguments


def resume(id: arguments.IdArgument, json: options.Json = False, url: options.Url = None) -> None:
    """Let the batches of a data migration go on with the next run."""
    from chatschema.task import batching

    with session.connected(session.settings(url)) as (_, connection):
        batch = batching.resume(connection, id)
    if json:
        console.as_json({"batch": batch})
    else:
        console.answer(arguments.line(batch))
