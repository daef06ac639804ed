"""chatschema reset, protect and unprotect."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema.cli import console, migrate, options, session
from chatschema.cli.seed import plant
from chatschema.errors import CannotConnect

if TYPE_CHECKING:
    from chatschema.database import Target
    from chatschema.models import Settings
    from chatschema.postgres import Connection


def reset(
    with_seed: Annotated[bool, typer.Option("--seed", help="Fill it with demo data afterwards.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Drop the database and rebuild it, migrated. Everything in it is lost.

    Where the role may create databases the new one is a clone of a migrated template, which takes a moment; else
    chatschema's own tables and schemas are dropped and migrated again, and other objects stay.
    """
    from chatschema import database, postgres
    from chatschema.migration import files as migration_files

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.running(settings) as live:
        name = postgres.database_name(live)
        console.confirm_name(f"reset drops database {name} and everything in it", name, yes=yes)
        with closing(_maintenance(live, wait)) as connection:
            target = database.inspect(connection, name)
            _refuse(live, target)
            how = _rebuild(live, connection, target, files)
        if not json:
            console.answer(f"reset {name}: {how}")
        with closing(postgres.connect(live)) as connection:
            # The template may be from last month.
            migrate.up(live, connection, files, as_lines=not json)
            seeded = plant(live, connection, as_lines=not json) if with_seed else []
    if json:
        console.as_json({"database": name, "how": how, "seeded": seeded})


def _maintenance(settings: Settings, wait_s: float) -> Connection:
    from chatschema import database, postgres

    try:
        return database.maintenance(settings, wait_s=wait_s, say=console.note)
    except CannotConnect:
        # Some roles may log in to their own database only.
        return postgres.connect(settings, wait_s=wait_s)


def _refuse(settings: Settings, target: Target) -> None:
    """Raise when the database is protected or somebody migrates it right now."""
    from chatschema import locks, postgres, protection

    if not target.exists:
        return
    with closing(postgres.connect(settings)) as connection, locks.migration_lock(connection, wait_s=5, say=console.note):
        protection.refuse(connection, settings, "reset")


def _rebuild(settings: Settings, connection: Connection, target: Target, files: list[Any]) -> str:
    from chatschema import database, locks, postgres

    if not target.can_clone or connection.info.dbname == target.name:
        with closing(postgres.connect(settings)) as own:
            database.drop_objects(own)
        return "its objects were dropped, as this role may not create databases"
    # Of the maintenance database: two resets at once would build the same template.
    with locks.migration_lock(connection, wait_s=session.LOCK_WAIT_S, say=console.note):
        template = database.template_name([file.apply.checksum for file in files], target)

        def migrate_template(dbname: str) -> None:
            with closing(postgres.connect(settings, dbname=dbname)) as building:
                migrate.up(settings, building, files, as_lines=False)

        was_built = database.build_template(connection, template, target, migrate_template)
        database.replace(connection, target, template)
    return "migrated a template and cloned it" if was_built else "cloned from its template"


def protect(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Shown to whom it stops.")] = "chatschema protect",
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Refuse reset, seed and undo --all from now on."""
    from chatschema import locks, protection
    from chatschema.migration import ledger

    with session.connected(session.settings(url, sql_dir)) as (live, connection):
        with locks.migration_lock(connection, wait_s=5, say=console.note):
            ledger.ensure(connection, live.sql_dir)
            is_new = protection.protect(connection, reason)
        console.answer(f"database {connection.info.dbname} is {'now' if is_new else 'already'} protected")


def unprotect(yes: options.Yes = False, url: options.Url = None) -> None:
    """Allow them again. Asks for the database's name."""
    from chatschema import protection

    with session.connected(session.settings(url)) as (live, connection):
        name = connection.info.dbname
        console.confirm_name(f"unprotect lets reset and seed into database {name}", name, yes=yes)
        was_protected = protection.unprotect(connection, live)
        console.answer(f"database {name} is {'no longer' if was_protected else 'not'} protected")
