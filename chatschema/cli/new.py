"""chatschema new migration and new seeder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create the files of a new migration or seeder.")


@app.command("migration")
def new_migration(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name: verb_object, for example add_messages_pin; not with --index.")
    ] = None,
    index: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--index", metavar="TABLE COLUMNS", help="Index that is built online, such as: messages '(sender_id, created_at)'."
        ),
    ] = None,
    unique: Annotated[bool, typer.Option("--unique", help="With --index: a unique index.")] = False,
    sql_dir: options.SqlDir = None,
) -> None:
    """Create a migration and its rollback, with their headers. With --index, the SQL is written as well."""
    from chatschema.migration import template
    from chatschema.migration.online import template as online

    folder = _own(session.settings(None, sql_dir, needs_server=False).sql_dir / "migrations", "--sql-dir DIR, or sql_dir")
    now = datetime.now(UTC)
    if (name is None) == (index is None) or (unique and index is None):
        example = "chatschema new migration add_messages_pin; chatschema new migration --index messages '(sender_id, created_at)'"
        text = "--unique needs --index" if unique and index is None else "give either NAME or --index"
        raise UsageError(text, f"for example: {example}", code="usage.index")
    if index:
        paths = online.write_index(folder, *index, now, is_unique=unique)
    else:
        paths = template.write_migration(folder, name or "", now)
    for path in paths:
        console.answer(_short(path))
    console.note(f"next: write each TODO{'' if index else ' and the SQL'}, then chatschema migrate --dry-run")


@app.command("seeder")
def new_seeder(name: Annotated[str, typer.Argument(metavar="NAME", help="Name: a table.")]) -> None:
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
