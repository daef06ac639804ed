"""chatschema batch pause."""

from chatschema.cli import console, options, session
from chatschema.cli.batch import arguments


def pause(id: arguments.IdArgument, json: options.Json = False, url: options.Url = None) -> None:
    """Pause the batches of a data migration after the current one; `batch run` and `migrate` stop there."""
    from chatschema.task import batching

    with session.connected(session.settings(url)) as (_, connection):
        batch = batching.pause(connection, id)
    if json:
        console.as_json({"batch": batch})
    else:
        console.answer(arguments.line(batch))
