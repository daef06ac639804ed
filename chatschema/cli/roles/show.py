"""chatschema roles show."""

from chatschema.cli import console, options, session
from chatschema.cli.roles.arguments import Prefix


def show(prefix: Prefix = None, json: options.Json = False, url: options.Url = None) -> None:
    """Show the roles, what each is for, and the logins that have them. Reads only."""
    from chatschema.task import granting

    with session.connected(session.settings(url), writes=False) as (_, connection):
        found = granting.shown(connection, prefix)
    if json:
        console.as_json({"roles": found})
        return
    rows = [(one.name, "yes" if one.exists else "no", ", ".join(one.logins) or "-", one.title) for one in found]
    console.table(("role", "exists", "logins", "for"), rows)
