"""chatschema new migration and new seeder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create the files of a new migration or seeder.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name: verb_object for a migration, for example add_messages_pin; a table for a seeder."),
]


@app.command("migration")
def new_migration(name: Name, sql_dir: options.SqlDir = None) -> None:
    """Create a migration and its rollback, with their headers."""
    from chatschema.migration import template

    folder = _own(session.settings(None, sql_dir, needs_server=False).sql_dir / "migrations", "--sql-dir DIR, or sql_dir")
    for path in template.write_migration(folder, name, datetime.now(UTC)):
        console.answer(_short(path))
    console.note("next: write each TODO and the SQL, then chatschema migrate --dry-run")


@app.command("seeder")
def new_seeder(name: Name) -> None:
    """Create a seeder."""
    from chatschema.seed import files

    path = files.write_seeder(_own(session.settings(None, needs_server=False).seeds_dir, "seeds_dir"), name)
    console.answer(_short(path))
    console.note(f"next: write it, then chatschema seed {files.name_of(path)}")


def _own(folder: Path, setting: str) -> Path:
    """Return the folder; raise UsageError when it belongs to the installed package."""
    from chatschema import assets

    if assets.is_packaged(folder):
        hint = f"use a folder of your own: {setting} in chatschema.toml"
        raise UsageError(f"{folder} belongs to the installed package", hint, code="file.packaged")
    return folder


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
