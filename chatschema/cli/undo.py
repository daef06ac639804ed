"""chatschema undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, migrate, options, session
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection


def undo(
    steps: Annotated[int | None, typer.Option("--steps", metavar="N", min=1, help="How many; default 1.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="ID", help="Go back to this migration, which stays applied.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Undo every migration. Refused on a protected database.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Undo the last migration, or more, last applied first. What the tables held is lost."""
    from chatschema import hold, locks, protection
    from chatschema.migration import files as migration_files
    from chatschema.migration import ledger
    from chatschema.migration import undo as rollbacks

    if sum((steps is not None, to is not None, all)) > 1:
        raise UsageError("--steps, --to and --all exclude each other", "give one of them")
    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations", strict=False)
    with (
        session.connected(settings, wait_s=wait) as (live, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
        entries = ledger.entries(connection)
        last = migration_files.resolve(to, [entry.id for entry in entries]) if to is not None else None
        chosen = rollbacks.to_undo(files, entries, steps=None if all else steps or 1, to=last)
        if all:
            protection.refuse(connection, live, "undo --all")
        if chosen:
            hold.refuse_active(connection, "undo")
        if losses := rollbacks.losses(connection, chosen):
            protection.refuse(connection, live, f"undo, which would drop {', '.join(losses)} with rows in it,")
        if all and chosen:
            _confirm_on_terminal(connection, yes)
        undone = migrate.follow(rollbacks.undo(connection, chosen, say=console.note), "undid", as_lines=not json)
    if json:
        console.as_json({"undone": undone})
    elif not undone:
        console.answer("nothing to undo")


def _confirm_on_terminal(connection: Connection, yes: bool) -> None:
    """Ask a person; a script that says --all has said it."""
    import sys

    if sys.stdin.isatty():
        name = connection.info.dbname
        console.confirm_name(f"undo --all drops the nine tables of database {name} and everything in them", name, yes=yes)
