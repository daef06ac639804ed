"""chatschema protect and chatschema unprotect."""

from typing import Annotated

import typer

from chatschema.cli import console, options, session


def protect(
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Reason to show when a command is refused.")
    ] = "chatschema protect",
    url: options.Url = None,
) -> None:
    """Protect the database: reset, seed and any undo that loses rows are refused."""
    from chatschema import protection
    from chatschema.migration import ledger

    with session.locked(session.settings(url), 5) as (_, connection):
        ledger.ensure(connection)
        is_new, name = protection.protect(connection, reason), connection.info.dbname
    console.answer(f"database {name} is {'now' if is_new else 'already'} protected")


def unprotect(yes: options.Yes = False, url: options.Url = None) -> None:
    """Remove the protection mark. Asks for the name of the database."""
    from chatschema import protection

    with session.connected(session.settings(url)) as (live, connection):
        name = connection.info.dbname
        console.confirm_name(f"unprotect allows reset, seed and lossy undo in database {name}", name, yes=yes)
        was_protected = protection.unprotect(connection, live)
        console.answer(f"database {name} is {'no longer' if was_protected else 'not'} protected")
