"""chatschema reset."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.task.seeding import Seeded
    from chatschema.values import Settings


def reset(
    with_seed: Annotated[bool, typer.Option("--seed", help="Add demo data afterwards.")] = False,
    yes: options.Yes = False,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="NAME", help="Name of the database; required if chatschema did not create its tables."),
    ] = None,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Drop the database and create it again, migrated. All its data is lost.

    Reset refuses a database with tables that chatschema did not create, unless its name is given with --database.

    If the role may create databases, the new database is cloned from a migrated template. Otherwise reset drops
    chatschema's own tables and schemas and migrates again; other objects are kept.
    """
    from chatschema import postgres
    from chatschema.cli.migrate import migrated
    from chatschema.cli.seed import seeded
    from chatschema.migration import files as migration_files
    from chatschema.task import resetting

    settings = resetting.without_plan(session.settings(url, sql_dir))
    files = migration_files.discover(settings.sql_dir / "migrations")
    with session.running(settings) as live:
        name = postgres.database_name(live)
        with closing(resetting.maintenance(live, name, wait_s=wait, say=console.note)) as connection:
            is_named = _confirm(live, connection, name, yes=yes, database=database)
            wanted = resetting.Reset(live, name, files, is_named, console.note)
            how = wanted.rebuild(connection)
        if not json:
            console.answer(f"reset {name}: {how}")
        done: list[Seeded] = []
        with closing(postgres.connect(live, dbname=name)) as connection:
            # The template may be from last month.
            migrated(live, connection, files, as_lines=not json)
            resetting.finish(live, connection, files, say=console.note)
            if with_seed:
                done = seeded(live, connection, as_lines=not json)
    if json:
        console.as_json({"database": name, "how": how, "seeded": done})


def _confirm(settings: Settings, connection: Connection, name: str, *, yes: bool, database: str | None) -> bool:
    """Ask for confirmation; return whether the caller gave the name, as a foreign database requires.

    Raises UsageError without a terminal, and if the name is not that of the database.
    """
    from chatschema.task import resetting

    if database is not None and database != name:
        raise UsageError(
            f"--database {database} does not match the configured database {name}; nothing was dropped",
            "show the configured database: chatschema status",
            code="reset.name",
        )
    doomed = resetting.look(settings, connection, name, counts_others=console.is_asking() and not yes, say=console.note)
    action, word = f"reset drops database {name} and everything in it", "--yes"
    is_confirmed = yes or database is not None
    if doomed.foreign:
        action, word = f"{doomed.foreign}; reset would drop them and the database", f"--database {name}"
        is_confirmed = database is not None
    elif doomed.others:
        action += f"; rows that no seeder created: {', '.join(doomed.others)}"
    console.confirm_name(action, name, yes=is_confirmed, word=word)
    return bool(doomed.foreign) or database is not None
