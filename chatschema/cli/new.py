"""chatschema new migration and new seeder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Write the files of a new migration or seeder.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it does or fills, for example add_messages_pin.")]


@app.command("migration")
def new_migration(name: Name, sql_dir: options.SqlDir = None) -> None:
    """Write a migration and its rollback, headers filled in."""
    from chatschema.migration import template

    folder = _own(session.settings(None, sql_dir, needs_server=False).sql_dir / "migrations", "--sql-dir DIR, or sql_dir")
    for path in template.write_migration(folder, name, datetime.now(UTC)):
        console.answer(_short(path))
    console.note("next: write each TODO and the SQL, then chatschema migrate --dry-run")


@app.command("seeder")
def new_seeder(name: Name) -> None:
    """Write a seeder."""
    from chatschema.seed import files

    path = files.write_seeder(_own(session.settings(None, needs_server=False).seeds_dir, "seeds_dir"), name)
    console.answer(_short(path))
    console.note(f"next: write it, then chatschema seed {files.name_of(path)}")


def _own(folder: Path, setting: str) -> Path:
    """Return the folder; raise UsageError when it is not the user's to write in."""
    from chatschema import assets

    if assets.is_packaged(folder):
        raise UsageError(f"{folder} belongs to the installed package", f"name a folder of yours: {setting} in chatschema.toml")
    return folder


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
