"""chatschema new migration, new project, new seeder and new profile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.values import Settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create the files of a new migration, seeder or profile.")


@app.command("migration")
def new_migration(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Name: verb_object, for example add_messages_pin. For a recipe, its arguments."),
    ] = None,
    index: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--index", metavar="TABLE COLUMNS", help="Index that is built online, such as: messages '(sender_id, created_at)'."
        ),
    ] = None,
    unique: Annotated[bool, typer.Option("--unique", help="With --index: a unique index.")] = False,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="RECIPE", help="Change that others do not notice, such as: check. See --recipes."),
    ] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="List the recipes with their arguments and locks.")] = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Create a migration and its rollback: their headers, and the SQL for an index or a recipe.

    A recipe may write several migrations. It reads the table in the database.
    """
    from chatschema.migration import template
    from chatschema.migration.online import template as online

    if recipes:
        _print_recipes()
        return
    settings = session.settings(url, sql_dir, needs_server=recipe is not None)
    folder = own(settings.sql_dir / "migrations", "--sql-dir DIR, or sql_dir")
    _refuse_mixed(words or [], index, recipe, unique=unique)
    now = datetime.now(UTC)
    if recipe:
        paths = _write_recipe(settings, folder, recipe, words or [], now)
    elif index:
        paths = list(online.write_index(folder, *index, now, is_unique=unique))
    else:
        paths = list(template.write_migration(folder, (words or [""])[0], now))
    for path in paths:
        console.answer(_short(path))
    console.note(f"next: write each TODO{'' if index or recipe else ' and the SQL'}, then chatschema migrate --dry-run")


def _refuse_mixed(words: list[str], index: tuple[str, str] | None, recipe: str | None, *, unique: bool) -> None:
    """Raise UsageError unless there is one name, one --index or one --recipe."""
    is_named = len(words) == 1 or (recipe is not None)
    if is_named == (index is None) and not (recipe and index) and not (unique and index is None) and not (index and words):
        return
    example = "chatschema new migration add_messages_pin; chatschema new migration --index messages '(sender_id, created_at)'"
    text = "--unique needs --index" if unique and index is None else "give one NAME, or --index, or --recipe"
    raise UsageError(text, f"for example: {example}", code="usage.index")


def _write_recipe(settings: Settings, folder: Path, name: str, arguments: list[str], now: datetime) -> list[Path]:
    from chatschema.migration.recipes import writing

    chosen = writing.recipe(name)
    with session.connected(settings, writes=False) as (_, connection):
        return writing.write(connection, folder, chosen, arguments, now)


def _print_recipes() -> None:
    from chatschema.migration.recipes import book

    for recipe in book.recipes().values():
        console.answer(f"{recipe.name} {recipe.arguments}")
        for text in (recipe.summary, f"Locks: {recipe.locks}", f"Clients: {recipe.clients}"):
            console.paragraph(text, indent=4)
    console.note("write the files of one: chatschema new migration --recipe RECIPE ARGUMENTS")


@app.command("project")
def new_project(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with the migrations of the other tool.", exists=True, file_okay=False)
    ],
    kind: Annotated[str, typer.Option("--from", metavar="TOOL", help="sqlx, diesel, goose, dbmate, flyway or sequelize.")],
    history: Annotated[
        bool, typer.Option("--history", help="Also record in the database what the other tool has applied there.")
    ] = False,
    scratch: Annotated[
        str | None,
        typer.Option(
            "--scratch",
            metavar="PLACE",
            help="Sequelize: server to run its migrations on: embedded (the default), same, or a URL.",
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="FILE", help="Sequelize: convert this file although it reads rows; repeatable."),
    ] = None,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
    sql_dir: Annotated[
        Path, typer.Option("--sql-dir", metavar="DIR", help="Folder to write migrations/ to; it must have none.", file_okay=False)
    ] = Path("sql"),
) -> None:
    """Take over the migrations of another tool: convert its files, keeping their numbers.

    With --history the migrations that the tool has applied count as applied; its own table stays as it is. The migrations
    of sequelize are programs: they run in scratch databases, and the SQL that they send is recorded.
    """
    from chatschema.cli import taking_over
    from chatschema.migration.strangers import convert
    from chatschema.task import scratching

    tool = convert.kind_of(kind)
    is_run = tool.read is None
    if (scratch or accept) and not is_run:
        raise UsageError("--scratch and --accept are for --from sequelize", "leave them out", code="usage.options")
    scratching.refuse_unknown(scratch)
    settings = session.settings(url, needs_server=history or scratch == scratching.SAME)
    folder = own(sql_dir, "--sql-dir DIR, or sql_dir")
    convert.refuse_files(folder)
    project = taking_over.recorded(settings, source, scratch, accept or []) if is_run else convert.read(tool, source)
    if history:
        with session.locked(settings, lock_wait) as (_, connection):
            applied = convert.past(connection, project)
            taking_over.write(project, folder)
            convert.record(connection, project, folder, applied)
        console.answer(f"{len(applied)} of them are recorded as applied")
    else:
        taking_over.write(project, folder)
    taking_over.configure(project, sql_dir)


@app.command("seeder")
def new_seeder(name: Annotated[str, typer.Argument(metavar="NAME", help="Name: a table.")]) -> None:
    """Create a seeder."""
    from chatschema.seed import files

    path = files.write_seeder(own(session.settings(None, needs_server=False).seeds_dir, "seeds_dir"), name)
    console.answer(_short(path))
    console.note(f"next: write it, then chatschema seed {files.name_of(path)}")


@app.command("profile")
def new_profile(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile: a file profiles/NAME.toml beside the seeders.")],
    source: Annotated[str, typer.Option("--from", metavar="URL", help='Database to learn from; or "embedded".')],
    wait: options.Wait = 0,
) -> None:
    """Learn a profile for bulk seeds from a real database.

    How large conversations are, when people write, how far back they answer, how long texts are: as histograms with noise. No row,
    text, name or id gets into the file. The database is only read.
    """
    from chatschema.task import learning

    settings = session.settings(source)
    folder = own(settings.seeds_dir, "seeds_dir")
    with session.connected(settings, wait_s=wait, writes=False) as (_, connection):
        learned = learning.learn(connection, folder, name)
    console.answer(_short(learned.path))
    for left_out in learned.left_out:
        console.note(f"warning: {left_out} are as in the demo: this database has too few for the noise")
    console.note(f"next: chatschema seed --profile {name}")


def own(folder: Path, setting: str) -> Path:
    """Return the folder; raise UsageError when it belongs to the installed package."""
    from chatschema import assets

    if assets.is_packaged(folder):
        hint = f"use a folder of your own: {setting} in chatschema.toml"
        raise UsageError(f"{folder} belongs to the installed package", hint, code="file.packaged")
    return folder


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
