"""chatschema retention plan."""

from chatschema.cli import console, options, session
from chatschema.cli.retention import printing


def plan(json: options.Json = False, url: options.Url = None) -> None:
    """Show for each rule what is due, since when, and what a hold keeps. Reads only.

    What has no period in chatschema.toml is kept for ever; the setting to write is shown.
    """
    from chatschema.task import months, retaining

    with session.connected(session.settings(url), writes=False) as (live, connection):
        months.require_tables(connection)
        found = retaining.plan(connection, live)
    if json:
        console.as_json({"rules": found})
        return
    printing.print_rules(found)
    total = sum(one.due for one in found)
    console.answer()
    console.answer(f"{total} due; remove them: chatschema retention run" if total else "nothing is due that a run can remove")
