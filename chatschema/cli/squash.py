"""chatschema squash."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session


def squash(
    to: Annotated[
        str, typer.Option("--to", metavar="ID", help="Last migration that the file stands for: its id, or the first characters.")
    ],
    scratch: Annotated[
        list[str] | None,
        typer.Option(
            "--scratch",
            metavar="PLACE",
            help="Server for the proof: embedded (the default), same, or a URL; repeatable, for several versions.",
        ),
    ] = None,
    json: options.Json = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Write one file that an empty database runs instead of all migrations up to one.

    The migrations and the file run in scratch databases, which are compared with their rows. The migrations stay:
    databases that have some of them go on with them, and undo uses their rollbacks.
    """
    from chatschema.cli import taking_over
    from chatschema.cli.new import own
    from chatschema.migration import files as migration_files
    from chatschema.task import scratching, squashing

    places: list[str | None] = [*scratch] if scratch else [None]
    for place in scratch or []:
        scratching.refuse_unknown(place)
    is_same = scratching.SAME in places
    settings = session.settings(url, sql_dir, needs_server=is_same)
    folder = own(settings.sql_dir / "migrations", "--sql-dir DIR, or sql_dir")
    files = migration_files.discover(folder)
    last = migration_files.resolve(to, [file.id for file in files])
    if is_same:
        with session.running(settings) as live:
            done = squashing.squash(live, files, last, places=places, say=console.note)
    else:
        done = squashing.squash(settings, files, last, places=places, say=console.note)
    path = taking_over.short(done.path)
    if json:
        console.as_json(
            {
                "path": path,
                "replaced": done.replaced,
                "rows": [{"table": table, "rows": count} for table, count in done.rows.items()],
                "postgresql": done.majors,
                "unproved": done.unproved,
            }
        )
        return
    versions = " and ".join(map(str, done.majors))
    console.answer(f"{path} stands for {console.count(len(done.replaced), 'migration')}, proved on PostgreSQL {versions}")
    if done.rows:
        tables = ", ".join(f"{table} ({count})" for table, count in done.rows.items())
        console.answer(f"it has the rows that they insert: {tables}")
    for reason in done.unproved:
        console.note(f"not used on {reason}")
    console.note("keep the migrations: databases that have a part of them need the rest, and undo needs their rollbacks")
